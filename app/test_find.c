/* test_find.c - walks folders, without following how deep they are by calling itself. */
#include "app/test_find.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/ruletests.h"
#include "app/test_case.h"
#include "app/test_judge.h"
#include "app/whole.h"

#define DEPTH_MAX 32 /* folders within folders; a link that leads up ends here */

bool pm_test_is_chosen(const struct pm_test_choice *choice, const char *name)
{
    const char *pattern = choice->pattern;
    bool is_glob = pattern != NULL && strpbrk(pattern, "*?[") != NULL;
    if (is_glob && fnmatch(pattern, name, 0) != 0)
        return false;
    if (pattern != NULL && !is_glob && strstr(name, pattern) == NULL)
        return false;
    for (size_t i = 0; i < choice->only_count; i++)
        if (strcmp(choice->only[i], name) == 0)
            return true;
    return choice->only_count == 0;
}

static char *join(const char *folder, const char *name)
{
    size_t cap = strlen(folder) + strlen(name) + 2;
    bool has_slash = folder[0] != '\0' && folder[strlen(folder) - 1] == '/';
    char *path = malloc(cap);
    if (path != NULL)
        snprintf(path, cap, "%s%s%s", folder, has_slash ? "" : "/", name);
    return path;
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* -1: no memory. */
static int is_case(const char *folder)
{
    struct stat about;
    char *path = join(folder, PM_CASE_FILE);
    int answer = path == NULL ? -1 : stat(path, &about) == 0;
    free(path);
    return answer;
}

/* ------------------------------------------------------------------ walking */

/* Names of one folder, and how many of them are done. */
struct level {
    char *path, **names;
    size_t count, at;
};

struct walk {
    struct pm_test_items *items;
    const char *suite; /* without slashes at its end */
    const struct pm_test_choice *choice;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    bool no_memory, is_too_deep;
};

/* Takes over the path. */
static void add_case(struct walk *walk, char *path, const char *name)
{
    if (!pm_test_is_chosen(walk->choice, name)) {
        free(path);
        return;
    }
    if (!pm_test_items_add(walk->items, walk->suite, name, pm_case_test, path, free))
        walk->no_memory = true;
}

/* Takes over the path of a folder that is no case. */
static void enter(struct walk *walk, char *path)
{
    if (walk->depth == DEPTH_MAX) {
        walk->is_too_deep = true;
        free(path);
        return;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.path = path};
    level->count = pm_folder_names(path, &level->names);
}

static void leave(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    for (size_t i = 0; i < level->count; i++)
        free(level->names[i]);
    if (level->count > 0)
        free(level->names);
    free(level->path);
}

static void see(struct walk *walk, char *path)
{
    if (path == NULL || !is_folder(path)) {
        walk->no_memory = walk->no_memory || path == NULL;
        free(path);
        return;
    }
    int answer = is_case(path);
    walk->no_memory = walk->no_memory || answer < 0;
    const char *name = path + strlen(walk->suite);
    if (answer > 0)
        add_case(walk, path, name + (name[0] == '/'));
    else
        enter(walk, path);
}

/* What is joined or copied here is owned by enter and add_case; the analyser loses sight of it. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void walk_all(struct walk *walk)
{
    while (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (walk->no_memory || walk->is_too_deep || level->at == level->count)
            leave(walk);
        else
            see(walk, join(level->path, level->names[level->at++]));
    }
}

/* ------------------------------------------------------------------ one argument */

/* A case that is named itself: its folder is the suite. */
static void take_case(struct walk *walk, char *suite)
{
    char *slash = strrchr(suite, '/');
    char *path = strdup(suite);
    if (path == NULL) {
        walk->no_memory = true;
        return;
    }
    if (slash == NULL) {
        walk->suite = ".";
        add_case(walk, path, suite);
        return;
    }
    *slash = '\0';
    walk->suite = slash == suite ? "/" : suite;
    add_case(walk, path, slash + 1);
}

static enum pm_exit take_folder(struct pm_test_items *items, char *suite,
                                const struct pm_test_choice *choice)
{
    struct walk walk = {.items = items, .suite = suite, .choice = choice};
    int answer = is_case(suite);
    if (answer > 0)
        take_case(&walk, suite);
    else if (answer == 0)
        enter(&walk, strdup(suite));
    walk_all(&walk);
    if (walk.is_too_deep)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "%s: more than %d folders within each other; does a "
                           "link lead up?",
                           suite, DEPTH_MAX);
    if (walk.no_memory || answer < 0)
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    return PM_EXIT_GOOD;
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

enum pm_exit pm_test_find(struct pm_test_items *items, const char *path,
                          const struct pm_test_choice *choice)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(about.st_mode))
        return pm_ruletests_collect(items, path, choice);
    char *suite = strdup(path);
    if (suite == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "test: no memory");
    for (size_t len = strlen(suite); len > 1 && suite[len - 1] == '/'; len--)
        suite[len - 1] = '\0';
    enum pm_exit code = take_folder(items, suite, choice);
    free(suite);
    return code;
}
