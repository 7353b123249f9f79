/* rules_footprint_test.c - no rule file makes the loader take more than 20 times its size.
 *
 * Everything that the loader, cJSON and the library's builder allocate goes through the counting
 * functions here, which the linker puts before those of libc. What PCRE2 and libpcap take for
 * expressions is not counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "rules/rules.h"

#ifndef SIZE
#define SIZE ((size_t)(2 << 20))
#endif
#define TIMES 20u

/* ------------------------------------------------------------------ counting */

static struct {
    size_t now, most;
} heap;

/* Before each block: how large it is. */
union header {
    size_t size;
    max_align_t align;
};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static void *counted(union header *header, size_t size)
{
    if (header == NULL)
        return NULL;
    header->size = size;
    heap.now += size;
    heap.most = heap.now > heap.most ? heap.now : heap.most;
    return header + 1;
}

void *__wrap_malloc(size_t size)
{
    return counted(__real_malloc(sizeof(union header) + size), size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - sizeof(union header)) / size)
        return NULL;
    return counted(__real_calloc(1, sizeof(union header) + count * size), count * size);
}

void __wrap_free(void *block)
{
    union header *header = block;

    if (block == NULL)
        return;
    heap.now -= header[-1].size;
    __real_free(header - 1);
}

/* Always somewhere else, so that nobody keeps the old address; but a large block, which is what
 * counts here, is moved page by page and never there twice. */
void *__wrap_realloc(void *block, size_t size)
{
    size_t old = block == NULL ? 0 : ((union header *)block)[-1].size;
    void *larger;

    heap.now -= old;
    larger = __wrap_malloc(size);
    heap.now += old;
    if (larger == NULL || block == NULL)
        return larger;
    memcpy(larger, block, old < size ? old : size);
    __wrap_free(block);
    return larger;
}

/* ------------------------------------------------------------------ texts */

/* A text is before, piece after piece, after. In a piece % stands for its number, and ^ for the
 * same in letters. */
struct shape {
    const char *name, *before, *piece, *after;
};

#define RULES(inner) "{\"pktmod\":1,\"rules\":[" inner
#define MATCH(inner) RULES("{\"id\":\"a\",\"verdict\":\"drop\",\"match\":{" inner)
#define TOP(inner)   "{\"pktmod\":1,\"rules\":[]," inner
#define SET(type)    TOP("\"sets\":{\"s\":{\"type\":\"" type "\",\"values\":[")
#define TESTS(inner) TOP("\"tests\":[" inner)

static const struct shape shapes[] = {
    {"numbers", "[", "1,", "1]"},
    {"strings", "[", "\"\",", "1]"},
    {"lists", "[", "[],", "1]"},
    {"objects", "[", "{},", "1]"},
    {"brackets", "", "[", ""},
    {"lists in lists", "[", "[[[[[[[[]]]]]]]],", "1]"},
    {"objects in objects", "[", "{\"\":{\"\":{\"\":{}}}},", "1]"},
    {"empty keys", "{", "\"\":0,", "\"a\":1}"},
    {"many keys", "{", "\"%\":0,", "\"z\":1}"},
    {"commas", "[", ",", "1]"},
    {"missing commas", "[", "1 ", "1]"},
    {"wrong numbers", "[", "01,", "1]"},
    {"fractions", "[", ".5,", "1]"},
    {"numbers with a point", "[", "1.5,", "1]"},
    {"empty lines", "[", "\n", "1]"},
    {"a value a line", "[", "1\n,", "1]"},
    {"comments", "[", "/**/", "1]"},
    {"one long string", TOP("\"name\":\""), "a", "\"}"},
    {"one long string of escapes", TOP("\"name\":\""), "\\u00e9", "\"}"},
    {"wrong escapes", TOP("\"name\":\""), "\\q", "\"}"},
    {"strings of an escape", "[", "\"\\n\",", "1]"},
    {"unknown keys", TOP(""), "\"%\":0,", "\"z\":1}"},
    {"numbers for rules", RULES(""), "1,", "1]}"},
    {"empty rules", RULES(""), "{},", "1]}"},
    {"rules", RULES(""), "{\"id\":\"%\",\"match\":{},\"verdict\":\"drop\"},",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"rules without an action", RULES(""), "{\"id\":\"%\",\"match\":{}},", "{}]}"},
    {"rules that rewrite", RULES(""),
     "{\"id\":\"%\",\"match\":{},\"rewrite\":[{\"add\":{\"ip.ttl\":1}}]},",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"rules that find", RULES(""),
     "{\"id\":\"%\",\"match\":{},\"rewrite\":[{\"delete\":{\"find\":\"%\"}}]},",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"rules with modifiers", RULES(""),
     "{\"id\":\"%\",\"match\":{},\"log_only\":true,\"count\":{\"first\":1}},",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"rules that ask", RULES(""),
     "{\"id\":\"%\",\"match\":{},\"verdict\":{\"ask\":{\"timeout_ms\":1,\"on_timeout\":\"drop\"}}}"
     ",",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"rules with tests", RULES(""),
     "{\"id\":\"%\",\"match\":{\"ip.ttl\":1,\"ip.id\":2,\"ip.len\":3},\"verdict\":\"drop\"},",
     "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}"},
    {"empty operations", RULES("{\"id\":\"a\",\"match\":{},\"rewrite\":["), "{},", "{}]}]}"},
    {"operations", RULES("{\"id\":\"a\",\"match\":{},\"rewrite\":["), "{\"add\":{\"ip.ttl\":1}},",
     "{\"add\":{\"ip.ttl\":1}}]}]}"},
    {"empty conditions", MATCH("\"any\":["), "{},", "{}]}}]}"},
    {"conditions", MATCH("\"any\":["), "{\"ip.ttl\":1},", "{}]}}]}"},
    {"negations", MATCH("\"ip.ttl\":["), "{\"not\":8},", "9]}}]}"},
    {"negations of empty lists", MATCH("\"ip.ttl\":["), "{\"not\":[]},", "9]}}]}"},
    {"values", MATCH("\"ip.ttl\":["), "1,", "9]}}]}"},
    {"values for addresses", MATCH("\"ip.src\":["), "\"::\",", "\"::\"]}}]}"},
    {"a list for a variable", TOP("\"vars\":{\"v\":["), "1,", "1]}}"},
    {"variables", TOP("\"vars\":{"), "\"%\":0,", "\"z\":0}}"},
    {"sets without a type", TOP("\"sets\":{"), "\"%\":{},", "\"z\":{}}}"},
    {"small sets", TOP("\"sets\":{"), "\"%\":{\"type\":\"port\",\"values\":[1]},", "\"z\":{}}}"},
    {"small sets of addresses", TOP("\"sets\":{"), "\"%\":{\"type\":\"cidr\",\"values\":[\"::\"]},",
     "\"z\":{}}}"},
    {"small sets of bytes", TOP("\"sets\":{"), "\"%\":{\"type\":\"bytes\",\"values\":[\"a\"]},",
     "\"z\":{}}}"},
    {"a set of numbers", SET("port"), "1,", "1]}}}"},
    {"a set of many numbers", SET("port"), "%,", "1]}}}"},
    {"a set of addresses", SET("cidr"), "\"::\",", "\"::\"]}}}"},
    {"a set of strings", SET("string"), "\"a\",", "\"a\"]}}}"},
    {"a set of many strings", SET("string"), "\"%\",", "\"a\"]}}}"},
    {"a set of bytes", SET("bytes"), "\"a\",", "\"a\"]}}}"},
    {"a set of many bytes", SET("bytes"), "\"%\",", "\"a\"]}}}"},
    {"a set of short bytes", SET("bytes"), "\"^\",", "\"a\"]}}}"},
    {"a set of short strings", SET("string"), "\"^\",", "\"a\"]}}}"},
    {"short variables", TOP("\"vars\":{"), "\"x^\":0,", "\"z\":0}}"},
    {"short keys", TOP(""), "\"x^\":0,", "\"z\":0}"},
    {"a set of networks", SET("cidr"), "\"::%/64\",", "\"::\"]}}}"},
    {"a set of hex", SET("bytes"), "{\"hex\":\"00\"},", "\"a\"]}}}"},
    {"includes", TOP("\"include\":["), "\"\",", "\"a\"]}"},
    {"absent includes", TOP("\"include\":["), "\"a\",", "\"a\"]}"},
    {"empty tests", TESTS(""), "{},", "{}]}"},
    {"numbers for tests", TESTS(""), "1,", "1]}"},
    {"numbers for packets", TESTS("{\"name\":\"a\",\"packets\":["), "1,", "1],\"expect\":[]}]}"},
    {"empty packets", TESTS("{\"name\":\"a\",\"packets\":["), "{},", "{}],\"expect\":[]}]}"},
    {"packets", TESTS("{\"name\":\"a\",\"packets\":["), "{\"frame\":\"a\"},",
     "{\"frame\":\"a\"}],\"expect\":{\"rules\":{}}}]}"},
    {"tests", TESTS(""),
     "{\"name\":\"%\",\"packets\":[{\"frame\":\"a\"}],\"expect\":[{\"leaves\":true}]},", "1]}"},
    {"expected rules",
     TESTS("{\"name\":\"a\",\"packets\":[{\"frame\":\"a\"}],\"expect\":{\"rules\":{"), "\"%\":0,",
     "\"z\":0}}}]}"},
    {"ways", TESTS("{\"name\":\"a\",\"stream\":{},\"resegment\":["), "\"\",", "\"\"]}]}"},
    {"tcpdump expressions", RULES(""),
     "{\"id\":\"%\",\"match\":{\"bpf\":\"tcp\"},\"log_only\":true},", "1]}"},
    {"regexes", RULES(""),
     "{\"id\":\"%\",\"match\":{\"payload\":{\"regex\":\"a%\"}},\"log_only\":true},", "1]}"},
    {"tags", RULES("{\"id\":\"a\",\"match\":{},\"log_only\":true,\"tags\":["), "\"\",", "\"\"]}]}"},
};

static size_t put_letters(char *to, unsigned number)
{
    size_t len = 0;

    do
        to[len++] = (char)('0' + number % 43); /* 0 to Z */
    while ((number /= 43) > 0);
    return len;
}

static size_t put_piece(char *to, const char *piece, unsigned number)
{
    size_t len = 0;

    for (; *piece != '\0'; piece++)
        if (*piece == '%')
            len += (size_t)sprintf(to + len, "%u", number);
        else if (*piece == '^')
            len += put_letters(to + len, number);
        else
            to[len++] = *piece;
    return len;
}

static char *text_of(const struct shape *shape, size_t *len)
{
    char *text = __real_malloc(SIZE + 4096);
    size_t at = put_piece(text, shape->before, 0);

    for (unsigned number = 0; at < SIZE; number++)
        at += put_piece(text + at, shape->piece, number);
    *len = at + put_piece(text + at, shape->after, 0);
    return text;
}

/* ------------------------------------------------------------------ the tests */

/* The last code told is kept; "" is none. */
static double load(const char *text, size_t len, char code[8])
{
    clock_t begin = clock();
    struct pm_rules *rules = pm_rules_load_text("footprint.json", text, len);
    size_t count;

    assert_non_null(rules);
    count = pm_rules_diagnostic_count(rules);
    snprintf(code, 8, "%s", count == 0 ? "" : pm_rules_diagnostic(rules, count - 1)->code);
    pm_rules_free(rules);
    return (double)(clock() - begin) / CLOCKS_PER_SEC;
}

/* Told, and whether it is too much. */
static bool is_too_large(const char *what, const char *text, size_t len, char code[8])
{
    size_t before = heap.now;
    double seconds, times;

    heap.most = heap.now;
    seconds = load(text, len, code);
    times = (double)(heap.most - before) / (double)len;
    print_message("%5.1f times, %4.2f s a MB: %s\n", times, seconds / ((double)len / 1e6), what);
    assert_int_equal(heap.now, before);
    if (times > TIMES)
        print_error("%s takes %.1f times its size\n", what, times);
    return times > TIMES;
}

static void no_rule_file_takes_twenty_times_its_size(void **state)
{
    size_t large = 0;
    char code[8];

    (void)state;
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = __wrap_malloc, .free_fn = __wrap_free});
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t len;
        char *text = text_of(&shapes[i], &len);

        large += is_too_large(shapes[i].name, text, len, code);
        __real_free(text);
    }
    assert_int_equal(large, 0);
}

/* One list of values, and a variable for it in every rule. */
static void variables_for_many_values_come_to_an_end(void **state)
{
    static const struct shape list = {"", "{\"pktmod\":1,\"vars\":{\"v\":[", "1,",
                                      "1]},\"rules\":["};
    char *text = __real_malloc(SIZE + 4096), code[8];
    size_t at = put_piece(text, list.before, 0);

    (void)state;
    for (unsigned i = 0; i < 16000; i++)
        at += put_piece(text + at, list.piece, i);
    at += put_piece(text + at, list.after, 0);
    for (unsigned i = 0; at < SIZE; i++)
        at += put_piece(text + at,
                        "{\"id\":\"%\",\"match\":{\"ip.ttl\":\"$v\"},\"log_only\":true},", i);
    at += put_piece(text + at, "{\"id\":\"z\",\"match\":{},\"log_only\":true}]}", 0);
    assert_false(is_too_large("variables for many values", text, at, code));
    assert_string_equal(code, "PKM223");
    __real_free(text);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(no_rule_file_takes_twenty_times_its_size),
        cmocka_unit_test(variables_for_many_values_come_to_an_end),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
