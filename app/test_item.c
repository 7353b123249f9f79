/* test_item.c - the list of what is to be run, in the order in which it is told. */
#include "app/test_item.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(struct pm_test_items *items)
{
    if (items->count < items->cap)
        return true;
    size_t cap = items->cap == 0 ? 64 : items->cap * 2;
    struct pm_test_item *list = realloc(items->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    items->list = list;
    items->cap = cap;
    return true;
}

static void free_item(struct pm_test_item *item)
{
    if (item->release != NULL)
        item->release(item->context);
    free(item->suite);
    free(item->name);
}

bool pm_test_items_add(struct pm_test_items *items, const char *suite, const char *name,
                       pm_test_run_fn *run, void *context, void (*release)(void *context))
{
    struct pm_test_item item = {.suite = strdup(suite),
                                .name = strdup(name),
                                .run = run,
                                .context = context,
                                .release = release};
    if (item.suite != NULL && item.name != NULL && has_room(items)) {
        items->list[items->count++] = item;
        return true;
    }
    free_item(&item);
    return false;
}

void pm_test_items_free(struct pm_test_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free_item(&items->list[i]);
    free(items->list);
    *items = (struct pm_test_items){0};
}
