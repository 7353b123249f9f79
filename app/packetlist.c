/* packetlist.c - packets that were made, in order, and the capture file that holds them. */
#include "app/packetlist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/byteorder.h"
#include "app/pcapng_layout.h"

#define SNAPLEN    262144u
#define NS_PER_S   UINT64_C(1000000000)
#define PCAP_MAGIC 0xa1b23c4du /* nanoseconds */

void pm_packetlist_free(struct pm_packetlist *list)
{
    free(list->items);
    free(list->bytes);
    *list = (struct pm_packetlist){.link = list->link};
}

static bool grow_items(struct pm_packetlist *list)
{
    if (list->count < list->cap)
        return true;
    size_t cap = list->cap == 0 ? 64 : list->cap * 2;
    struct pm_listed *grown = realloc(list->items, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    list->items = grown;
    list->cap = cap;
    return true;
}

static bool grow_bytes(struct pm_packetlist *list, size_t len)
{
    if (list->bytes != NULL && len <= list->bytes_cap - list->bytes_len)
        return true;
    size_t cap = list->bytes_cap == 0 ? 4096 : list->bytes_cap;
    while (cap - list->bytes_len < len)
        cap *= 2;
    uint8_t *grown = realloc(list->bytes, cap);
    if (grown == NULL)
        return false;
    list->bytes = grown;
    list->bytes_cap = cap;
    return true;
}

void pm_packetlist_add(struct pm_packetlist *list, const struct pm_listed *what,
                       const uint8_t *bytes)
{
    if (list->count == PM_PACKETLIST_MAX || what->len > PM_PACKETLIST_BYTES_MAX - list->bytes_len) {
        list->is_full = true;
        return;
    }
    if (!grow_items(list) || !grow_bytes(list, what->len)) {
        list->no_memory = true;
        return;
    }
    struct pm_listed *item = &list->items[list->count++];
    *item = *what;
    item->off = list->bytes_len;
    if (what->len > 0)
        memcpy(list->bytes + list->bytes_len, bytes, what->len);
    list->bytes_len += what->len;
}

bool pm_packetlist_interface(struct pm_packetlist *list, const char *name, unsigned *number)
{
    if (name[0] == '\0' || strlen(name) >= PM_PACKETLIST_NAME)
        return false;
    for (unsigned i = 0; i < list->interface_count; i++)
        if (strcmp(list->interfaces[i], name) == 0) {
            *number = i;
            return true;
        }
    /* packets that came before any name was given keep an interface without one */
    if (list->interface_count == 0 && list->count > 0)
        list->interfaces[list->interface_count++][0] = '\0';
    if (list->interface_count == PM_PACKETLIST_INTERFACES)
        return false;
    *number = list->interface_count;
    char *kept = list->interfaces[list->interface_count++];
    snprintf(kept, sizeof list->interfaces[0], "%s", name);
    return true;
}

/* ------------------------------------------------------------------ files */

struct file {
    uint8_t *bytes, *at;
};

static void put32(struct file *file, uint32_t value)
{
    pm_file_put32(file->at, value, false);
    file->at += 4;
}

static void put_padded(struct file *file, const void *bytes, uint32_t len)
{
    if (len > 0)
        memcpy(file->at, bytes, len);
    memset(file->at + len, 0, pm_ng_padded(len) - len);
    file->at += pm_ng_padded(len);
}

static void put_option(struct file *file, uint16_t code, const void *bytes, uint32_t len)
{
    pm_file_put16(file->at, code, false);
    pm_file_put16(file->at + 2, (uint16_t)len, false);
    file->at += 4;
    put_padded(file, bytes, len);
}

static uint8_t *block_begins(struct file *file, uint32_t type)
{
    uint8_t *block = file->at;
    put32(file, type);
    put32(file, 0);
    return block;
}

static void block_ends(struct file *file, uint8_t *block)
{
    uint32_t len = (uint32_t)(file->at - block) + 4;
    put32(file, len);
    pm_file_put32(block + 4, len, false);
}

static void put_section(struct file *file)
{
    uint8_t *block = block_begins(file, PM_NG_SECTION);
    put32(file, PM_NG_BYTE_ORDER_MAGIC);
    put32(file, 1); /* version 1.0 */
    put32(file, UINT32_MAX);
    put32(file, UINT32_MAX); /* of unknown length */
    block_ends(file, block);
}

static void put_interface(struct file *file, uint16_t link, const char *name)
{
    static const uint8_t nanoseconds = 9;
    uint8_t *block = block_begins(file, PM_NG_INTERFACE);
    put32(file, link);
    put32(file, SNAPLEN);
    if (name[0] != '\0')
        put_option(file, PM_NG_OPT_IF_NAME, name, (uint32_t)strlen(name));
    put_option(file, PM_NG_OPT_IF_TSRESOL, &nanoseconds, 1);
    put_option(file, PM_NG_OPT_END, NULL, 0);
    block_ends(file, block);
}

static void put_packet(struct file *file, const struct pm_listed *item, const uint8_t *bytes)
{
    uint8_t *block = block_begins(file, PM_NG_ENHANCED_PACKET);
    uint8_t flags[4] = {item->dir == PM_DIR_OUT ? 2 : 1, 0, 0, 0};
    put32(file, item->interface);
    put32(file, (uint32_t)(item->time_ns >> 32));
    put32(file, (uint32_t)item->time_ns);
    put32(file, item->len);
    put32(file, item->wire_len);
    put_padded(file, bytes, item->len);
    if (item->dir != PM_DIR_UNKNOWN) {
        put_option(file, PM_NG_OPT_EPB_FLAGS, flags, sizeof flags);
        put_option(file, PM_NG_OPT_END, NULL, 0);
    }
    block_ends(file, block);
}

static void put_pcapng(struct file *file, const struct pm_packetlist *list)
{
    put_section(file);
    put_interface(file, list->link, list->interface_count == 0 ? "" : list->interfaces[0]);
    for (unsigned i = 1; i < list->interface_count; i++)
        put_interface(file, list->link, list->interfaces[i]);
    for (size_t i = 0; i < list->count; i++)
        put_packet(file, &list->items[i], pm_packetlist_bytes(list, i));
}

static void put_pcap(struct file *file, const struct pm_packetlist *list)
{
    put32(file, PCAP_MAGIC);
    put32(file, 4u << 16 | 2u); /* version 2.4 */
    put32(file, 0);
    put32(file, 0);
    put32(file, SNAPLEN);
    put32(file, list->link);
    for (size_t i = 0; i < list->count; i++) {
        const struct pm_listed *item = &list->items[i];
        put32(file, (uint32_t)(item->time_ns / NS_PER_S));
        put32(file, (uint32_t)(item->time_ns % NS_PER_S));
        put32(file, item->len);
        put32(file, item->wire_len);
        if (item->len > 0)
            memcpy(file->at, pm_packetlist_bytes(list, i), item->len);
        file->at += item->len;
    }
}

uint8_t *pm_packetlist_file(const struct pm_packetlist *list, bool is_pcapng, size_t *len)
{
    const size_t head = 128 + (size_t)PM_PACKETLIST_INTERFACES * 128, each = 64;
    struct file file = {.bytes = malloc(head + list->count * each + list->bytes_len)};
    if (file.bytes == NULL)
        return NULL;
    file.at = file.bytes;
    if (is_pcapng)
        put_pcapng(&file, list);
    else
        put_pcap(&file, list);
    *len = (size_t)(file.at - file.bytes);
    return file.bytes;
}
