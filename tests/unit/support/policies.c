#include "tests/unit/support/policies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/config.h"

static const struct cluster_config clusters[] = {{.name = STR_INIT("main")},
                                                 {.name = STR_INIT("canary")}};

struct policies policies_begin(const char *name)
{
    struct policies r = {.set = set_load(name)};

    r.in = (struct policy_input){.schema = r.set.schema,
                                 .config_name = STR("postern.yaml"),
                                 .clusters = clusters,
                                 .nclusters = 2,
                                 .max_request = 1 << 20,
                                 .max_response = 1 << 21};
    return r;
}

void policies_compile(struct policies *r)
{
    tc_faults_init(&r->faults, &r->set.arena);
    r->plan = policy_compile(&r->in, &r->set.arena, &r->faults);
    assert_true(!r->plan == (r->faults.count > 0));
}

void policies_compile_well(struct policies *r)
{
    policies_compile(r);
    for (const struct tc_fault *f = r->faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(r->plan);
}

bool policies_is(const struct tc_fault *f, const struct policy_fault *e)
{
    if (!str_eq(f->place, str_c(e->place)))
        return false;
    if (str_starts(str_c(e->text), STR("...")))
        return strstr(f->text.p, e->text + 3) != NULL;
    return str_starts(f->text, str_c(e->text));
}

void policies_check_faults(const struct policies *r, const struct policy_fault *e, size_t n)
{
    const struct tc_fault *f = r->faults.first;

    for (size_t i = 0; i < n; i++, f = f->next) {
        if (!f)
            fail_msg("missing: %s: %s", e[i].place, e[i].text);
        if (!policies_is(f, &e[i]))
            fail_msg("%.*s: %.*s\n  is not %s: %s", STR_ARG(f->place), STR_ARG(f->text), e[i].place,
                     e[i].text);
    }
    if (f)
        fail_msg("too many: %.*s: %.*s", STR_ARG(f->place), STR_ARG(f->text));
}

const struct method_policy *policies_of(const struct policies *r, const char *method)
{
    for (uint32_t i = 0; i < r->plan->npolicies; i++)
        if (str_eq(r->plan->policies[i].method->full_name, str_c(method)))
            return &r->plan->policies[i];
    fail_msg("no policy for %s", method);
    return NULL;
}

void policies_configure(struct policies *p, const char *yaml)
{
    struct tc_faults faults;
    tc_faults_init(&faults, &p->set.arena);
    struct config *c = config_parse(str_c(yaml), "postern.yaml", &p->set.arena, &faults);
    for (const struct tc_fault *f = faults.first; f; f = f->next)
        print_error("%.*s: %.*s\n", STR_ARG(f->place), STR_ARG(f->text));
    assert_non_null(c);
    p->in.config = c->message;
}
