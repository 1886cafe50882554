/* Compilations of the policies in a descriptor set, for tests: clusters "main" and "canary",
 * ceilings of 1 MiB and 2 MiB, a configuration called "postern.yaml".
 *
 *     struct policies p = policies_begin("policy_good.pb");
 *     p.in.default_upstream = "main";
 *     policies_compile_well(&p);
 *     ... policies_of(&p, "good.Plain.Get")->timeout_ms ...
 *     set_release(&p.set);
 */
#pragma once

#include "gateway/policy/policy_compile.h"
#include "tests/unit/support/sets.h"

struct policies {
    struct set set;
    struct tc_faults faults;
    struct policy_input in;
    const struct plan *plan;
};

struct policies policies_begin(const char *name);
/* With a configuration, YAML; fails the test when that cannot be read. */
void policies_configure(struct policies *p, const char *yaml);
/* Fails the test when there is a plan in spite of faults, or none without. */
void policies_compile(struct policies *p);
/* Fails the test, printing the faults, when there is no plan. */
void policies_compile_well(struct policies *p);
/* Fails the test when the method has none. */
const struct method_policy *policies_of(const struct policies *p, const char *method);

struct policy_fault {
    const char *place, *text; /* text: its start, or a part when it begins with "..." */
};

bool policies_is(const struct tc_fault *f, const struct policy_fault *e);
/* Exactly these faults, in this order. */
void policies_check_faults(const struct policies *p, const struct policy_fault *e, size_t n);

#define CHECK_FAULTS(p, list) policies_check_faults(p, list, sizeof(list) / sizeof *(list))
