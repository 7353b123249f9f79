/* names.c - a table from names to what they stand for. */
#include "names.h"

#include <stdint.h>
#include <string.h>

uint64_t pmr_names_hash(const char *text) /* FNV-1a; the names are the author's own */
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The slot of the name, or the free one where it would go. cap > count. */
static struct name *slot_of(const struct names *names, const char *text)
{
    size_t at = (size_t)pmr_names_hash(text) & (names->cap - 1);

    while (names->slots[at].text != NULL && strcmp(names->slots[at].text, text) != 0)
        at = (at + 1) & (names->cap - 1);
    return &names->slots[at];
}

const void *pmr_names_get(const struct names *names, const char *text)
{
    return names->count == 0 ? NULL : slot_of(names, text)->what;
}

/* Room for so many in all; at most three quarters of the slots are taken. */
static bool make_room(struct names *names, struct memory *m, size_t count)
{
    struct names larger = {.cap = 16, .count = names->count};

    if (count <= names->cap - names->cap / 4)
        return true;
    while (larger.cap - larger.cap / 4 < count)
        larger.cap *= 2;
    larger.slots = pmr_memory_array(m, larger.cap, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < names->cap; i++)
        if (names->slots[i].text != NULL)
            *slot_of(&larger, names->slots[i].text) = names->slots[i];
    *names = larger;
    return true;
}

void pmr_names_expect(struct names *names, struct memory *m, size_t count)
{
    make_room(names, m, names->count + count);
}

const void *pmr_names_put(struct names *names, struct memory *m, const char *text, const void *what)
{
    struct name *slot;

    if (!make_room(names, m, names->count + 1))
        return NULL;
    slot = slot_of(names, text);
    if (slot->text != NULL)
        return slot->what;
    *slot = (struct name){.text = text, .what = what};
    names->count++;
    return NULL;
}
