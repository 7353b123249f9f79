/* rules.h - JSON rule files: text in, policy or diagnostics out. */
#ifndef PKTMOD_RULES_H
#define PKTMOD_RULES_H

#include <stdio.h>

#include <pktmod/policy.h>

struct pm_rules; /* a loaded file: its policy or its diagnostics */

enum pm_severity { PM_SEVERITY_ERROR, PM_SEVERITY_WARNING };

struct pm_diagnostic {
    enum pm_severity severity;
    const char *code;         /* "PKM112"; stable */
    const char *file;         /* as the caller or the include named it */
    size_t line, column;      /* from 1; column in characters (UTF-8 code points) */
    size_t span;              /* characters to underline, >= 1; of long ones the beginning */
    const char *pointer;      /* JSON pointer of the value, RFC 6901; "" is the whole file */
    const char *message;      /* one sentence, no full stop */
    const char *suggestion;   /* "did you mean ...?" or NULL */
    const char *source_line;  /* the line's text, of a long one the part around; or NULL */
    size_t source_column;     /* where column is in source_line, from 1 */
    const char *related_file; /* another place that it is about, or NULL */
    size_t related_line;
    const char *witness; /* a packet that shows it, as a test of a rule file has it; or NULL */
};

/* Loads the file and what it includes. Always answers (NULL only without memory): a file that
 * cannot be read is a diagnostic. Paths inside a file are relative to that file. */
struct pm_rules *pm_rules_load(const char *path);
/* The same for text that is not in a file; `name` stands in diagnostics and gives the folder that
 * relative paths start from. NULL: the text may not name other files (include, set files); that is
 * an error of the text then. */
struct pm_rules *pm_rules_load_text(const char *name, const char *text, size_t len);
void pm_rules_free(struct pm_rules *rules);

/* The compiled policy, owned by rules (take pm_policy_ref to keep it); NULL if there was any error.
 */
struct pm_policy *pm_rules_policy(const struct pm_rules *rules);
const char *pm_rules_name(const struct pm_rules *rules); /* "name" of the file, or NULL */

size_t pm_rules_error_count(const struct pm_rules *rules);
/* In order of file and position; at most 1000, the error count goes on. */
size_t pm_rules_diagnostic_count(const struct pm_rules *rules);
const struct pm_diagnostic *pm_rules_diagnostic(const struct pm_rules *rules, size_t index);

/* Writes all diagnostics as a compiler does (file:line:column: error CODE: ..., source line,
 * caret), in colour if asked; or as one JSON document for editors. */
void pm_rules_print_text(const struct pm_rules *rules, FILE *out, bool colour);
void pm_rules_print_json(const struct pm_rules *rules, FILE *out);

/* The JSON Schema (2020-12) of rule files, for editors; it has len bytes and a NUL behind them. */
const char *pm_rules_schema(size_t *len);

#endif
