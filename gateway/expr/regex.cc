#include "gateway/expr/regex.h"

#include <cstdio>
#include <new>

#include <re2/re2.h>

struct expr_regex {
    re2::RE2 compiled;

    expr_regex(re2::StringPiece pattern, const re2::RE2::Options &options)
        : compiled(pattern, options)
    {
    }
};

struct expr_regex *expr_regex_new(struct str pattern, size_t memory, char *why)
{
    re2::RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(static_cast<int64_t>(memory));
    expr_regex *r = new (std::nothrow) expr_regex(re2::StringPiece(pattern.p, pattern.n), options);
    if (r && r->compiled.ok())
        return r;
    std::snprintf(why, EXPR_REGEX_WHY_MAX, "%s", r ? r->compiled.error().c_str() : "out of memory");
    delete r;
    return nullptr;
}

void expr_regex_free(struct expr_regex *r)
{
    delete r;
}

bool expr_regex_match(const struct expr_regex *r, struct str text)
{
    return re2::RE2::PartialMatch(re2::StringPiece(text.p, text.n), r->compiled);
}
