/* rules_bad_test.c - what is wrong with a rule file is told with its code, its place, its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/codes.h"
#include "rules/rules.h"

/* A text with one fault that is no text for a file of stories. ' stands for ", and ` stands before
 * the place that has to be told. */
struct bad {
    const char *code, *text;
};

#define MATCH(m)   "{'pktmod':1,'rules':[\n {'id':'a','match':" m ",'verdict':'drop'}]}"
#define MORE(more) "{'pktmod':1,'rules':[\n {'id':'a','match':{},'verdict':'drop'," more "}]}"
#define TOP(more)  "{'pktmod':1,\n" more ",'rules':[]}"

static const struct bad syntax[] = {
    {"PKM104", "`"},
    {"PKM104", "  \n `"},
    {"PKM103", "`}"},
    {"PKM104", "`{"},
    {"PKM104", "{'pktmod':1,'rules':`["},
    {"PKM104", "`{'pktmod':1,'rules':[]"},
    {"PKM105", "{'pktmod':1,'rules':[]}`}"},
    {"PKM105", "{'pktmod':1,'rules':[]}\n\n `{}"},
    {"PKM105", "{'pktmod':1,'rules':[]} `,"},
    {"PKM103", "{'pktmod':1,'rules':[],'name':'a'`,}"},
    {"PKM103", "{`pktmod:1}"},
    {"PKM103", "{`'pktmod' 1}"},
    {"PKM103", "{`'pktmod'}"},
    {"PKM103", "{'pktmod':`}"},
    {"PKM103", "{'pktmod':`,}"},
    {"PKM103", "{'pktmod':1,`,}"},
    {"PKM103", "{`,}"},
    {"PKM103", "{'pktmod':1,'rules':[]`,}"},
    {"PKM103", "{'pktmod':1,'rules':[`,]}"},
    {"PKM103", "{'pktmod':1,'rules':[`}}"},
    {"PKM103", "{'pktmod':1,'rules':[] `]"},
    {"PKM103", "{'pktmod':1,'rules':`:[]}"},
    {"PKM103", "{'pktmod':`1 'rules':[]}"},
    {"PKM103", "{'pktmod':1,'name':'a`' 'rules':[]}"},
    {"PKM103", "{'pktmod':1,'rules':[]`;}"},
    {"PKM103", "{'pktmod':1,'rules':`(1)}"},
    {"PKM103", TOP("'name':`abc")},
    {"PKM103", MORE("'enabled':`False")},
    {"PKM103", MORE("'enabled':`yes")},
    {"PKM103", MATCH("{'ip.src':`None}")},
    {"PKM107", MATCH("{'ip.ttl':`01}")},
    {"PKM107", MATCH("{'ip.ttl':`-}")},
    {"PKM107", MATCH("{'ip.ttl':`+1}")},
    {"PKM107", MATCH("{'ip.ttl':`.5}")},
    {"PKM107", MATCH("{'ip.ttl':`5.}")},
    {"PKM107", MATCH("{'ip.ttl':`1e}")},
    {"PKM107", MATCH("{'ip.ttl':`0x40}")},
    {"PKM107", MATCH("{'ip.ttl':`1e999}")},
    {"PKM107", MATCH("{'ip.ttl':`-1e999}")},
    {"PKM107", MATCH("{'ip.ttl':`1000000000000000000000000000000000000000000000000000000000001}")},
    {"PKM107", MATCH("{'ip.src':`10.0.0.0/8}")},
    {"PKM107", MATCH("{'tcp.port':`80-90}")},
    {"PKM106", "`// hello\n{'pktmod':1,'rules':[]}"},
    {"PKM106", "{'pktmod':1,`/* a\n b */'rules':[]}"},
    {"PKM106", "{'pktmod':1,'rules':[]} `# end"},
    {"PKM106", "{'pktmod':1,'rules':[]} `/* end"},
    {"PKM108", TOP("'name':'a`\\u0000b'")},
    {"PKM108", TOP("'name':'a`\\ud800b'")},
    {"PKM108", TOP("'name':'`\\ud800\\u0041'")},
    {"PKM108", TOP("'name':'a`\\udc00'")},
    {"PKM108", TOP("'name':'a`\\xb'")},
    {"PKM108", TOP("'name':'a`\\u12g4'")},
    {"PKM108", TOP("'name':'a`\tb'")},
    {"PKM108", TOP("'name':'a`\001b'")},
    {"PKM108", TOP("'name':'\xe2\x82\xac`\\q'")},
    {"PKM104", TOP("'name':`'a\nb'")},
    {"PKM104", "{'pktmod':1,'rules':[],`'name}"},
    {"PKM102", TOP("'name':'a`\xff'")},
    {"PKM102", TOP("'name':'`\xe2'")},
    {"PKM102", TOP("'name':'`\xc0'")},
    {"PKM102", "`\xef\xbb\xbf{'pktmod':1,'rules':[]}"},
    {"PKM102", "`\xff\xfe{"},
    {"PKM102", "`\xfe\xff{"},
    {"PKM110", "{'pktmod':1,'rules':[],`'pktmod':1}"},
    {"PKM110", "{'pktmod':1,'rules':[],`'\\u0072ules':[]}"},
    {"PKM110", MATCH("{'ip.ttl':1,\n`'ip.ttl':2}")},
    /* told in libpcap's words */
    {"PKM216", MATCH("{'bpf':`'tcp prot 1'}")},
#ifdef __linux__ /* elsewhere libpcap compiles it for some link types */
    {"PKM216", MATCH("{'bpf':`'inbound'}")},
#endif
};

/* Tests that stand in a file. */
#define TEST(test)                                                                                 \
    "{'pktmod':1,'rules':[{'id':'telnet','match':{},'verdict':'drop'}],'tests':[\n" test "]}"
#define EXPECT(expect)                                                                             \
    TEST("{'name':'t','packets':[{'ip':['10.0.0.1','10.0.0.2'],'udp':{'dstport':1}}],'expect'"     \
         ":" expect "}")

static const struct bad ruletests[] = {
    {"PKM113", TEST("`5")},
    {"PKM114",
     TEST("`{'stream':{'server':'10.0.0.1:80','to_server':'a'},'expect':{'to_server':'a'}}")},
    {"PKM115", TEST("`{'name':'t','expect':{'rules':{'telnet':{'hits':1}}}}")},
    {"PKM115",
     TEST("`{'name':'t','packets':[{'frame':'a'}],'capture':'a','expect':[{'leaves':true}]}")},
    {"PKM111",
     TEST("{'name':'t',`'packet':[],'packets':[{'frame':'a'}],'expect':[{'leaves':true}]}")},
    {"PKM208", TEST("{'name':'t','packets':`[],'expect':[]}")},
    {"PKM224", TEST("{'name':'t','capture':`'a','expect':{'rules':{'telnet':{'hits':1}}}}")},
    {"PKM242",
     TEST("{'name':'t','packets':[{'frame':'a'}],'expect':[{'leaves':true}]},\n{'name':`'t',"
          "'packets':[{'frame':'a'}],'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'frame':'a','time_ms':5},`{'frame':'a','time_ms':4}],"
                    "'expect':[{'leaves':true},{'leaves':true}]}")},
    {"PKM114", TEST("`{'name':'t','packets':[{'frame':'a'}]}")},
    {"PKM115",
     TEST("{'name':'t','packets':[`{'ip':['10.0.0.1','10.0.0.2']}],'expect':[{'leaves':true}]}")},
    {"PKM114", TEST("{'name':'t','packets':[`{'udp':{'dstport':1}}],'expect':[{'leaves':true}]}")},
    {"PKM204", TEST("{'name':'t','packets':[{'ip':['10.0.0.1',`'10.0.0'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'ip':`['10.0.0.1'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'ip':`['10.0.0.1','::1'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM201",
     TEST("{'name':'t','packets':[{'ip':['10.0.0.1','10.0.0.2'],'udp':{'dstport':`65536}}],"
          "'expect':[{'leaves':true}]}")},
    {"PKM203", EXPECT("[{'verdict':`'dorp'}]")},
    {"PKM241", EXPECT("[{'rule':`'telnt'}]")},
    {"PKM242", EXPECT("`[{'rule':null},{'rule':null}]")},
    {"PKM208", EXPECT("[`{}]")},
    {"PKM208", EXPECT("[{'leaves':`{}}]")},
    {"PKM113", EXPECT("[{'leaves':`'yes'}]")},
    {"PKM112", EXPECT("[{'leaves':{`'ip.tll':3}}]")},
    {"PKM201", EXPECT("[{'leaves':{'ip.ttl':`300}}]")},
    {"PKM242", EXPECT("[{'leaves':{`'stream':'a'}}]")},
    {"PKM242",
     "{'pktmod':1,'sets':{'s':{'type':'port','values':[1]}},'rules':[],'tests':[{'name':'t',"
     "'packets':[{'frame':'a'}],'expect':[{'leaves':{'udp.port':`'@s'}}]}]}"},
    {"PKM208", EXPECT("`{}")},
    {"PKM241", EXPECT("{'rules':{`'telnte':{'hits':1}}}")},
    {"PKM114", EXPECT("{'rules':{'telnet':`{}}}")},
    {"PKM201", EXPECT("{'rules':{'telnet':{'hits':`-1}}}")},
    {"PKM208", EXPECT("{'rules':{'telnet':{'hits':`{}}}}")},
    {"PKM242", EXPECT("{`'to_server':'a'}")},
    {"PKM204", TEST("{'name':'t','stream':{'server':`'10.0.0.1','to_server':'a'},'expect':"
                    "{'to_server':'a'}}")},
    {"PKM204", TEST("{'name':'t','stream':{'server':`'10.0.0.1:65536','to_server':'a'},'expect':"
                    "{'to_server':'a'}}")},
    {"PKM114", TEST("{'name':'t','stream':`{'server':'10.0.0.1:1'},'expect':{'to_server':'a'}}")},
    {"PKM242",
     TEST("{'name':'t','stream':`{'server':'[::1]:1','client':'10.0.0.1:1','to_server':'a'},"
          "'expect':{'to_server':'a'}}")},
    {"PKM203", TEST("{'name':'t','stream':{'server':'10.0.0.1:1','to_server':'a'},'resegment':"
                    "[`'every'],'expect':{'to_server':'a'}}")},
    {"PKM231", TEST("{'name':'t','packets':[{'frame':'a'}],'start':`'2026-02-29T00:00:00Z','expect'"
                    ":[{'leaves':true}]}")},
    {"PKM231", TEST("{'name':'t','packets':[{'frame':'a'}],'start':`'2026-02-28','expect':[{'"
                    "leaves':true}]}")},
    {"PKM231", TEST("{'name':'t','packets':[{'frame':'a'}],'start':`'1970-01-01T00:00:00+00:01','"
                    "expect':[{'leaves':true}]}")},
    {"PKM231", TEST("{'name':'t','packets':[{'frame':'a'}],'start':`'2026-02-28T24:00:00Z','expect'"
                    ":[{'leaves':true}]}")},
    {"PKM115", TEST("{'name':'t','packets':[{'frame':'a'}],`'resegment':['1-byte'],'expect':"
                    "[{'leaves':true}]}")},
    {"PKM203", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':[`'yes'],'expect':"
                    "[{'leaves':true}]}")},
    {"PKM208", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':`[],'expect':"
                    "[{'leaves':true}]}")},
    {"PKM114", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':[`{'after_ms':1}],'expect':"
                    "[{'leaves':true}]}")},
    {"PKM201", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':[{'answer':'drop','for':`0}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':[{'answer':'drop','rule':"
                    "`'telnet'}],'expect':[{'leaves':true}]}")},
};

/* The text without its mark; where the mark stood. */
struct marked {
    char text[2048];
    size_t len, line, column;
};

static void unmark(const char *from, struct marked *out)
{
    size_t line = 1, column = 1;

    *out = (struct marked){.len = 0};
    for (; *from != '\0'; from++) {
        if (*from == '`') {
            out->line = line;
            out->column = column;
            continue;
        }
        assert_true(out->len < sizeof out->text - 1);
        out->text[out->len++] = *from == '\'' ? '"' : *from;
        line += *from == '\n';
        if (*from == '\n')
            column = 1;
        else if (((unsigned char)*from & 0xc0) != 0x80)
            column++;
    }
}

/* Whether it is told as it should be; prints what is told else. */
static bool is_told(const struct bad *bad)
{
    struct marked marked;
    struct pm_rules *loaded;
    const struct pm_diagnostic *d;
    bool is_good;

    unmark(bad->text, &marked);
    loaded = pm_rules_load_text(NULL, marked.text, marked.len);
    assert_non_null(loaded);
    d = pm_rules_diagnostic(loaded, 0);
    is_good = d != NULL && pm_rules_diagnostic_count(loaded) == 1 &&
              strcmp(d->code, bad->code) == 0 && d->line == marked.line &&
              d->column == marked.column && d->span >= 1 && strlen(d->message) > 0 &&
              d->message[strlen(d->message) - 1] != '.' && pm_rules_error_count(loaded) == 1 &&
              pm_rules_policy(loaded) == NULL;
    if (!is_good) {
        pm_rules_print_text(loaded, stderr, false);
        print_error("expected only %s at %zu:%zu of %s\n", bad->code, marked.line, marked.column,
                    bad->text);
    }
    pm_rules_free(loaded);
    return is_good;
}

static void check_all(const struct bad *table, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++)
        good += is_told(&table[i]);
    assert_int_equal(good, count);
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof(table)[0])

static void text_that_is_no_strict_json_is_refused(void **state)
{
    (void)state;
    CHECK_ALL(syntax);
}

static void wrong_tests_in_a_file_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(ruletests);
}

/* ------------------------------------------------------------------ faults with what is told */

/* The file of stories is a list of these, "==" between them; lines with ## are for people:
 *
 *     {"pktmod":1,"rules":[{"id":"a","match":{},"verdict":"deny"}]}      a rule file
 *     --
 *     1:47+6 PKM203 expected ..., found "deny" [write "drop"]            line:column+span, hint
 */
#define STORIES PKTMOD_SOURCE_DIR "/tests/language/bad.txt"

struct reader {
    FILE *in;
    size_t line;
    char text[8192]; /* of the story */
    size_t len;
    char expected[4096];
    bool codes[CODE_COUNT]; /* told by some story */
};

static void append(char *to, size_t cap, size_t *len, const char *from)
{
    assert_true(strlen(from) < cap - *len);
    strcpy(to + *len, from);
    *len += strlen(from);
}

/* False: there are no more. */
static bool next_story(struct reader *r)
{
    char line[4096];
    size_t expected_len = 0;
    bool is_told = false;

    r->len = 0;
    r->text[0] = r->expected[0] = '\0';
    while (fgets(line, sizeof line, r->in) != NULL && strcmp(line, "==\n") != 0) {
        r->line++;
        if (strncmp(line, "## ", 3) == 0)
            continue;
        if (strcmp(line, "--\n") == 0)
            is_told = true;
        else if (is_told)
            append(r->expected, sizeof r->expected, &expected_len, line);
        else
            append(r->text, sizeof r->text, &r->len, line);
    }
    r->line++;
    return is_told;
}

static void note_code(struct reader *r, const char *name)
{
    for (int code = 0; code < CODE_COUNT; code++)
        if (strcmp(pmr_code_name((enum code)code), name) == 0)
            r->codes[code] = true;
}

/* All that is told of the story's text. */
static void tell_story(struct reader *r, char *told, size_t cap)
{
    struct pm_rules *loaded = pm_rules_load_text(NULL, r->text, r->len);
    size_t len = 0;

    assert_non_null(loaded);
    told[0] = '\0';
    for (size_t i = 0; i < pm_rules_diagnostic_count(loaded); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(loaded, i);
        char line[2048];

        snprintf(line, sizeof line, "%zu:%zu+%zu %s %s", d->line, d->column, d->span, d->code,
                 d->message);
        append(told, cap, &len, line);
        snprintf(line, sizeof line, " [%s]", d->suggestion == NULL ? "" : d->suggestion);
        append(told, cap, &len, d->suggestion == NULL ? "\n" : strcat(line, "\n"));
        note_code(r, d->code);
    }
    pm_rules_free(loaded);
}

/* What stories cannot show, and who does. */
static bool is_shown_elsewhere(int code)
{
    if (pmr_code_name((enum code)code)[3] >= '3') /* rules_lint_test.c */
        return true;
    switch (code) {
    case CODE_UNREADABLE: /* rules_good_test.c has files */
    case CODE_TOO_LARGE:
    case CODE_INCLUDE:
    case CODE_SET_FILE:
    case CODE_REPEATED_NAME:
    case CODE_NOT_RUN:
    case CODE_UNKNOWN_RULE:
    case CODE_RULETEST:
    case CODE_BPF:      /* above */
    case CODE_REFUSED:  /* what only the library knows */
    case CODE_DOCUMENT: /* document_test.c */
        return true;
    default:
        return false;
    }
}

static void every_story_is_told_word_for_word(void **state)
{
    static struct reader r;
    size_t stories = 0, wrong = 0;
    char told[4096];

    (void)state;
    r.in = fopen(STORIES, "rb");
    assert_non_null(r.in);
    for (size_t begin = 1; next_story(&r); begin = r.line + 1, stories++) {
        tell_story(&r, told, sizeof told);
        if (strcmp(told, r.expected) == 0)
            continue;
        print_error("bad.txt:%zu: told\n%sexpected\n%s", begin, told, r.expected);
        wrong++;
    }
    assert_int_equal(fgetc(r.in), EOF); /* none is left out */
    fclose(r.in);
    assert_int_equal(wrong, 0);
    assert_true(stories >= 400);
    for (int code = 0; code < CODE_COUNT; code++)
        if (!r.codes[code] && !is_shown_elsewhere(code))
            fail_msg("no story tells %s", pmr_code_name((enum code)code));
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(text_that_is_no_strict_json_is_refused),
        cmocka_unit_test(wrong_tests_in_a_file_are_refused),
        cmocka_unit_test(every_story_is_told_word_for_word),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
