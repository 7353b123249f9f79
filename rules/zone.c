/* zone.c - time zones by their names, as a rule's "when" has them. */
#include "zone.h"

#include <stdio.h>
#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"
#include "suggest.h"
#include "tzif.h"

#define FILE_MAX     (64u * 1024u) /* the largest that is known has 4 KiB */
#define ZONES_ABOUT  1000u         /* names to compare */
#define NAME_MAX_LEN 64u

/* Where systems have them; TZ and TZDIR say what one user wants, and do not count. */
static const char *const folders[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo",
                                      "/usr/share/lib/zoneinfo", "/etc/zoneinfo"};

/* Europe/Berlin, Etc/GMT+1, Cuba; nothing that leaves the folder. */
static bool is_name(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return len > 0 && len <= NAME_MAX_LEN && text[len] == '\0' && text[0] != '/' &&
           text[len - 1] != '/' && strstr(text, "//") == NULL;
}

/* "+02:00": an offset that never changes. */
static bool parse_offset(const char *text, int32_t *out)
{
    struct complaint c;
    uint32_t seconds;

    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 ||
        !pmr_parse_time(text + 1, &seconds, &c) || seconds >= 86400)
        return false;
    *out = text[0] == '-' ? -(int32_t)seconds : (int32_t)seconds;
    return true;
}

/* ------------------------------------------------------------------ the system's data */

struct zone_file {
    uint8_t bytes[FILE_MAX];
    size_t len;
};

static bool read_zone(const char *name, const char *folder, struct zone_file *out)
{
    char path[256];
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    in = fopen(path, "rb");
    if (in == NULL)
        return false;
    out->len = fread(out->bytes, 1, sizeof out->bytes, in);
    fclose(in);
    return out->len > 0; /* a folder cannot be read */
}

/* The first folder that has zones at all, or NULL. */
static const char *zone_folder(struct load *l, struct zone_file *room)
{
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && l->zone_folder == NULL; i++)
        if (read_zone("UTC", folders[i], room))
            l->zone_folder = folders[i];
    return l->zone_folder;
}

/* Offers the names of zone.tab, "DE\t+5230+01322\tEurope/Berlin\tcomment". */
static void offer_names(struct suggest *suggest, FILE *in, char best[NAME_MAX_LEN + 1])
{
    char line[512], name[NAME_MAX_LEN + 1];

    while (fgets(line, sizeof line, in) != NULL) {
        if (line[0] == '#' || sscanf(line, "%*s %*s %64s", name) != 1)
            continue;
        suggest->best = NULL;
        pmr_suggest_offer(suggest, name);
        if (suggest->best != NULL)
            memcpy(best, name, sizeof name);
    }
}

static const char *nearest(struct load *l, const char *wrong)
{
    char best[NAME_MAX_LEN + 1] = "", path[256];
    struct suggest suggest = pmr_suggest_for(wrong);
    FILE *in;

    if (!pmr_may_look(l, ZONES_ABOUT))
        return NULL;
    snprintf(path, sizeof path, "%s/zone.tab", l->zone_folder);
    in = fopen(path, "rb");
    if (in == NULL)
        return NULL;
    offer_names(&suggest, in, best);
    fclose(in);
    return best[0] == '\0' ? NULL : pmr_did_you_mean(l, best);
}

static bool system_steps(struct load *l, const struct node *n, struct zone_steps *out)
{
    const char *name = pmr_node_text(n), *fault = NULL;
    struct zone_file file;

    if (zone_folder(l, &file) == NULL)
        pmr_fail(l, n, CODE_ZONE, "install the package tzdata, or write an offset like \"+02:00\"",
                 "there is no data about time zones in %s", folders[0]);
    else if (!read_zone(name, l->zone_folder, &file))
        pmr_fail(l, n, CODE_ZONE, nearest(l, name), "the system knows no time zone %s",
                 pmr_found(n).text);
    else
        pmr_tzif_steps(&l->memory, file.bytes, file.len, out, &fault);
    if (fault != NULL)
        pmr_fail(l, n, CODE_ZONE, NULL, "the system's data of %s cannot be used: %s",
                 pmr_found(n).text, fault);
    return out->list != NULL;
}

/* ------------------------------------------------------------------ any zone */

static bool steps_of(struct load *l, const struct node *n, struct zone_steps *out)
{
    const char *text = pmr_node_text(n);
    int32_t offset_s;

    if (parse_offset(text, &offset_s)) {
        out->list = pmr_memory_array(&l->memory, 1, sizeof *out->list);
        if (out->list == NULL)
            return false;
        out->list[0] = (struct pm_zone_step){.from_s = 0, .offset_s = offset_s};
        out->count = 1;
        return true;
    }
    if (is_name(text) && strcmp(text, "localtime") != 0) /* which is another on every machine */
        return system_steps(l, n, out);
    pmr_fail(
        l, n, CODE_ZONE, NULL,
        "expected \"UTC\", an offset like \"+02:00\" or a name like \"Europe/Berlin\", found %s",
        pmr_found(n).text);
    return false;
}

bool pmr_zone_of(struct load *l, const struct node *n, uint32_t *zone)
{
    struct zone_steps steps = {.count = 0};
    const uint32_t *known;
    uint32_t *made;

    if (!pmr_expect_filled(l, n, NODE_STRING))
        return false;
    *zone = PM_UTC;
    if (strcmp(pmr_node_text(n), "UTC") == 0)
        return true;
    known = pmr_names_get(&l->zones, pmr_node_text(n));
    if (known != NULL) {
        *zone = *known;
        return true;
    }
    made = pmr_memory_take(&l->memory, sizeof *made);
    if (made == NULL || !steps_of(l, n, &steps))
        return false;
    *made = pm_builder_add_zone(l->builder, steps.list, steps.count);
    pmr_names_put(&l->zones, &l->memory, pmr_node_text(n), made);
    *zone = *made;
    return true;
}
