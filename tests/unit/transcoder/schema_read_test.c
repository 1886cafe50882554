/* Sets that are no sets: cut, corrupt, too deep, too large, made to collide. Nothing may crash, and
 * what is wrong must be said. */
#include "transcoder/schema_compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/support/guard.h"
#include "tests/unit/support/sets.h"
#include "tests/unit/support/wire_text.h"
#include "transcoder/wire.h"

/* Everything a descriptor may hold, in little room. */
static const char wide[] =
    "1:{1:'a' 3:'b' 2:'p' 8:{1:'x'} 8:{2:'y' 50:{1:1}} 12:'editions' 14:1000"
    "  9:{1:{1:[6 0 3 50001] 2:[7 1 2]} 1:{1:[4 0 2 1] 2:[8 1]}}"
    "  5:{1:'E' 2:{1:'A'} 2:{1:'B' 2:1} 2:{1:'C' 2:1} 3:{2:1}} 7:{1:'x' 2:'M' 3:5 4:1 5:9 7:'d'}"
    "  6:{1:'S' 3:{50001:1} 2:{1:'R' 2:'M' 3:'.p.M' 4:{72295728:{2:'/x'}} 6:1}}"
    "  4:{1:'M' 5:{1:5 2:9} 8:{1:'o' 2:{1:{1:1}}} 2:{1:'f' 3:1 4:1 5:14 6:'.p.E' 9:0 10:'g'}"
    "     2:{1:'m' 3:2 4:3 5:11 6:'.p.M.MEntry' 8:{21:{3:1}}}"
    "     3:{1:'MEntry' 7:{7:1} 2:{1:'key' 3:1 4:1 5:9} 2:{1:'value' 3:2 4:1 5:9}}}}";

/* A schema that came out of damaged bytes must still be sound: every pointer and index is used. */
static void walk(const struct tc_schema *s)
{
    for (uint32_t i = 0; i < s->nmessages; i++) {
        const struct tc_message *m = s->messages[i];
        for (uint32_t j = 0; j < m->nfields; j++) {
            const struct tc_field *f = &m->fields[j];
            assert_non_null(tc_field_by_name(m, f->json_name));
            assert_ptr_equal(tc_field_by_number(m, f->number), f);
            assert_true(f->oneof < (int)m->noneofs);
            if (f->type == TC_ENUM)
                assert_non_null(tc_enum_by_name(f->enumeration, f->enumeration->values[0].name));
            if (f->type == TC_MESSAGE || f->type == TC_GROUP)
                assert_ptr_equal(tc_schema_message(s, f->message->full_name), f->message);
        }
    }
    for (uint32_t i = 0; i < s->nservices; i++)
        for (uint32_t j = 0; j < s->services[i].nmethods; j++)
            assert_non_null(s->services[i].methods[j].input->full_name.p);
}

static bool survives(struct str set)
{
    struct arena a;
    struct tc_faults faults;
    struct guard g = guard_copy(set);
    arena_init(&a, 4096, 16 << 20);
    tc_faults_init(&faults, &a);
    const struct tc_schema *s = schema_compile(g.s, &a, &faults);
    assert_int_equal(s == NULL, faults.count > 0);
    assert_int_equal(faults.first == NULL, faults.count == 0);
    guard_release(&g);
    if (s)
        walk(s);
    arena_release(&a);
    return s != NULL;
}

static void every_truncation_compiles_or_faults(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    struct str sets[] = {wire_text(&a, wide), set_read(&a, "google/api/http.pb")};
    for (size_t i = 0; i < 2; i++) {
        assert_true(survives(sets[i]));
        for (size_t n = 0; n < sets[i].n; n += i ? 7 : 1)
            assert_false(survives(str_of(sets[i].p, n)));
    }
    arena_release(&a);
}

static void every_corrupt_byte_compiles_or_faults(void **state)
{
    struct arena a;
    size_t good = 0;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    struct str set = wire_text(&a, wide);
    char *bytes = (char *)(uintptr_t)arena_copy(&a, set).p;
    for (size_t i = 0; i < set.n; i++) {
        for (int v = 0; v < 256; v += i % 3 ? 5 : 1) {
            bytes[i] = (char)v;
            good += survives(str_of(bytes, set.n));
        }
        bytes[i] = set.p[i];
    }
    assert_in_range(good, 1000, 256 * set.n / 2);
    arena_release(&a);
}

static void check_fault(struct str set, const char *text)
{
    struct arena a;
    struct tc_faults faults;
    arena_init(&a, 4096, 64 << 20);
    tc_faults_init(&faults, &a);
    assert_null(schema_compile(set, &a, &faults));
    assert_non_null(faults.first);
    if (!memmem(faults.first->text.p, faults.first->text.n, text, strlen(text)))
        fail_msg("%.*s: %.*s", STR_ARG(faults.first->place), STR_ARG(faults.first->text));
    arena_release(&a);
}

static void what_is_no_set_is_said_to_be_none(void **state)
{
    (void)state;
    check_fault(STR_NONE, "not a FileDescriptorSet: it is empty");
    check_fault(STR(""), "not a FileDescriptorSet: it is empty");
    check_fault(STR("syntax = \"proto3\";\n"), "not a FileDescriptorSet: this is text");
    check_fault(STR("{\"file\": []}"), "not a FileDescriptorSet: this is text");
    check_fault(STR("\n\nsyntax = \"proto3\";\n"), "not a FileDescriptorSet");
    check_fault(STR("\x7f"
                    "ELF\x02\x01\x01"),
                "not a FileDescriptorSet");
    check_fault(STR("\x1f\x8b\x08"), "not a FileDescriptorSet");
    check_fault(STR("\x12\x01x"), "not a FileDescriptorSet: it holds no file");
    check_fault(STR("\x08\x01"), "not a FileDescriptorSet");
    check_fault(STR("\x0a\x02\x22\x05"), "malformed FileDescriptorProto");
    check_fault(STR("\x0a\x07\x0a\x01"
                    "a\x22\x02\x12\x09"),
                "malformed DescriptorProto");
    static char large[TC_SCHEMA_MAX_BYTES + 1];
    check_fault(str_of(large, sizeof large), "at most 67108864 are allowed");
}

static void nesting_has_a_ceiling(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    for (int depth = 1; depth < 200; depth++) {
        struct str m = wire_text(&a, "1:'M'");
        for (int i = 1; i < depth; i++) {
            struct buf b;
            buf_init(&b, 1 << 16);
            assert_true(buf_add(&b, STR("\x0a\x01M")) && tc_put_bytes(&b, 3, m));
            m = arena_copy(&a, buf_str(&b));
            buf_release(&b);
        }
        struct buf file, set;
        buf_init(&file, 1 << 16);
        buf_init(&set, 1 << 16);
        assert_true(tc_put_bytes(&file, 1, STR("a")) && tc_put_bytes(&file, 4, m) &&
                    tc_put_bytes(&set, 1, buf_str(&file)));
        if (depth > TC_SCHEMA_MAX_NESTING)
            check_fault(buf_str(&set), "is nested more than 32 messages deep");
        else
            assert_true(survives(buf_str(&set)));
        buf_release(&file);
        buf_release(&set);
        arena_reset(&a);
    }
    arena_release(&a);
}

__attribute__((format(printf, 3, 0))) static void repeat(struct buf *set, const char *head,
                                                         const char *each, int count)
{
    assert_true(buf_printf(set, "%s", head));
    for (int i = 1; i <= count; i++)
        assert_true(buf_printf(set, each, i, i));
    assert_true(buf_printf(set, "}}") && buf_add_char(set, 0));
}

static void counts_have_a_ceiling(void **state)
{
    struct arena a;
    struct buf text;
    (void)state;
    arena_init(&a, 1 << 20, 64 << 20);
    buf_init(&text, 16 << 20);
    repeat(&text, "1:{1:'a' 4:{1:'M'", " 2:{1:'f%d' 3:%d 5:5}", TC_SCHEMA_MAX_FIELDS + 1);
    check_fault(wire_text(&a, text.p), "has 65535 fields; at most 65534 are allowed");
    text.n = 0;
    repeat(&text, "1:{1:'a' 5:{1:'E'", " 2:{1:'V%d' 2:%d}", TC_SCHEMA_MAX_FIELDS + 1);
    check_fault(wire_text(&a, text.p), "has 65535 values; at most 65534 are allowed");
    text.n = 0;
    repeat(&text, "1:{1:'a' 5:{1:'E'", " 2:{1:'V%d' 2:%d}", 65534);
    assert_true(survives(wire_text(&a, text.p)));
    buf_release(&text);
    arena_release(&a);
}

static void names_have_a_ceiling(void **state)
{
    struct arena a;
    char text[3000];
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    snprintf(text, sizeof text, "1:{1:'a' 4:{1:'%0*d' 3:{1:'%0*d'}}}", 1000, 0, 1000, 0);
    check_fault(wire_text(&a, text), "longer than 1024 bytes");
    arena_release(&a);
}

/* The next name after `from` whose hash ends in `low`, as someone would look for who wants slow
 * lookups. */
static int colliding(char *out, size_t size, uint32_t mask, uint32_t low, int from)
{
    do
        snprintf(out, size, "n%d", ++from);
    while ((str_hash(str_c(out)) & mask) != low);
    return from;
}

/* A message with 80 fields whose hashes end alike, or in 80 numbers in a row. */
static struct str colliding_fields(struct arena *a, uint32_t mask, bool in_a_row)
{
    struct buf text;
    char name[16];
    int at = 0;
    buf_init(&text, 1 << 20);
    assert_true(buf_printf(&text, "1:{1:'a' 4:{1:'M'"));
    for (uint32_t i = 0; i < 80; i++) {
        at = colliding(name, sizeof name, mask, in_a_row ? i : 0, in_a_row ? 0 : at);
        assert_true(buf_printf(&text, " 2:{1:'%s' 3:%u 5:5}", name, (unsigned)i + 1));
    }
    assert_true(buf_printf(&text, "}}") && buf_add_char(&text, 0));
    struct str set = wire_text(a, text.p);
    buf_release(&text);
    return set;
}

static void names_made_to_collide_are_spread_or_refused(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 16 << 20);
    for (int in_a_row = 0; in_a_row < 2; in_a_row++) {
        assert_true(survives(colliding_fields(&a, 0xff, in_a_row)));
        check_fault(colliding_fields(&a, 0x3fff, in_a_row), "holds names that collide");
    }
    arena_release(&a);
}

static void types_made_to_collide_are_refused(void **state)
{
    struct arena a;
    struct buf text;
    char name[16];
    (void)state;
    arena_init(&a, 1 << 16, 16 << 20);
    buf_init(&text, 1 << 20);
    assert_true(buf_printf(&text, "1:{1:'a'"));
    for (int i = 0, at = 0; i < 600; i++) {
        at = colliding(name, sizeof name, 0x7ff, 0, at);
        assert_true(buf_printf(&text, " 4:{1:'%s'}", name));
    }
    assert_true(buf_printf(&text, "}") && buf_add_char(&text, 0));
    check_fault(wire_text(&a, text.p), "too many names collide");
    buf_release(&text);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_compiles_or_faults),
        cmocka_unit_test(every_corrupt_byte_compiles_or_faults),
        cmocka_unit_test(what_is_no_set_is_said_to_be_none),
        cmocka_unit_test(nesting_has_a_ceiling),
        cmocka_unit_test(counts_have_a_ceiling),
        cmocka_unit_test(names_have_a_ceiling),
        cmocka_unit_test(names_made_to_collide_are_spread_or_refused),
        cmocka_unit_test(types_made_to_collide_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
