#include "tools/protoc-gen-postern/names.h"

#include "tools/protoc-gen-postern/out.h"

/* ASCII by hand: <ctype.h> depends on the locale. */
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static char to_lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static char to_upper(char c)
{
    return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* Each step may write two bytes for one. */
static char *room_for(struct arena *a, struct str s)
{
    return need(a, 2 * s.n + 2);
}

char *name_type(struct arena *a, struct str full_name)
{
    char *name = room_for(a, full_name), *to = name;
    bool next_upper = true;
    for (size_t i = 0; i < full_name.n; i++) {
        char c = full_name.p[i];
        if (c == '.') {
            *to++ = '_';
            *to++ = '_';
        } else if (c != '_') {
            *to++ = next_upper ? to_upper(c) : c;
        }
        next_upper = c == '.' || c == '_';
    }
    *to = '\0';
    return name;
}

char *name_lower(struct arena *a, struct str full_name)
{
    char *name = room_for(a, full_name), *to = name;
    bool was_upper = true; /* no '_' before the first letter of a part */
    for (size_t i = 0; i < full_name.n; i++) {
        char c = full_name.p[i];
        if (c == '.' || (is_upper(c) && !was_upper))
            *to++ = '_';
        *to++ = c == '.' ? '_' : to_lower(c);
        was_upper = c == '.' || is_upper(c);
    }
    *to = '\0';
    return name;
}

char *name_of_file(struct arena *a, struct str file)
{
    struct str stem = name_stem(file);
    char *name = room_for(a, stem);
    for (size_t i = 0; i < stem.n; i++) {
        char c = stem.p[i];
        bool plain = is_upper(c) || is_lower(c) || (c >= '0' && c <= '9');
        name[i] = plain ? c : '_';
    }
    name[stem.n] = '\0';
    return name;
}

struct str name_stem(struct str file)
{
    if (str_ends(file, STR(".proto")))
        file.n -= STR(".proto").n;
    return file;
}

/* Lower-case words of C11 and C++20 that no member may have as its name. */
static const char *const keywords[] = {
    "alignas",  "alignof",  "and",      "asm",      "auto",    "bitand",    "bitor",   "bool",
    "break",    "case",     "catch",    "char",     "class",   "compl",     "concept", "const",
    "continue", "decltype", "default",  "delete",   "do",      "double",    "else",    "enum",
    "explicit", "export",   "extern",   "false",    "float",   "for",       "friend",  "goto",
    "if",       "inline",   "int",      "long",     "mutable", "namespace", "new",     "noexcept",
    "not",      "nullptr",  "operator", "or",       "private", "protected", "public",  "register",
    "requires", "restrict", "return",   "short",    "signed",  "sizeof",    "static",  "struct",
    "switch",   "template", "this",     "throw",    "true",    "try",       "typedef", "typeid",
    "typename", "typeof",   "union",    "unsigned", "using",   "virtual",   "void",    "volatile",
    "while",    "xor",      "linux",    "unix",
};

char *name_member(struct arena *a, struct str name)
{
    char *lower = name_lower(a, name);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (str_eq(str_c(lower), str_c(keywords[i])))
            return need_text(a, "%s_", lower);
    return lower;
}
