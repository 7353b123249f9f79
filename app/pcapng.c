/* pcapng.c - reads pcapng files block by block; what is no packet is handed on as it stands.
 *
 * libpcap reads pcapng too, but gives neither options nor the other blocks, and refuses files
 * with interfaces of different link types.
 */
#include "app/capture_formats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/pcapng_options.h"

#define INTERFACES_MAX 65536u

struct block {
    uint8_t *raw;
    uint32_t type, len;
    uint64_t offset;
};

void pm_pcapng_forget_interfaces(struct pm_capture *capture)
{
    for (uint32_t i = 0; i < capture->ng.count; i++)
        free(capture->ng.interfaces[i].name);
    capture->ng.count = 0;
}

static enum pm_step corrupt(struct pm_capture *capture, uint64_t offset, const char *what)
{
    return pm_capture_fail(capture, "corrupt in frame %" PRIu64 " at byte %" PRIu64 ": %s",
                           capture->frames + 1, offset, what);
}

static enum pm_step corrupt_length(struct pm_capture *capture, uint64_t offset, uint32_t len)
{
    return pm_capture_fail(capture,
                           "corrupt in frame %" PRIu64 " at byte %" PRIu64
                           ": a block length of %" PRIu32 " bytes",
                           capture->frames + 1, offset, len);
}

/* A section tells the byte order of itself and all that follows. */
static bool read_byte_order(struct pm_capture *capture)
{
    const uint8_t *magic = capture->source.at + 8;
    bool big = pm_file_get32(magic, true) == PM_NG_BYTE_ORDER_MAGIC;
    if (!big && pm_file_get32(magic, false) != PM_NG_BYTE_ORDER_MAGIC) {
        corrupt(capture, pm_source_offset(&capture->source),
                "a section without its byte-order magic");
        return false;
    }
    capture->big = big;
    return true;
}

/* Takes one whole block, whatever it is. */
static enum pm_step take_block(struct pm_capture *capture, struct block *block)
{
    struct pm_source *source = &capture->source;
    size_t have = pm_source_need(source, PM_NG_FRAME_LEN);
    if (have == 0 && source->error == 0)
        return PM_STEP_END;
    if (have < PM_NG_FRAME_LEN)
        return pm_capture_cut(capture, "a block", PM_NG_FRAME_LEN);

    block->offset = pm_source_offset(source);
    block->type = pm_file_get32(source->at, capture->big);
    if (block->type == PM_NG_SECTION && !read_byte_order(capture))
        return PM_STEP_BAD;
    if (block->type != PM_NG_SECTION && !capture->ng.in_section)
        return corrupt(capture, block->offset, "a block before the first section header");
    block->len = pm_file_get32(source->at + 4, capture->big);
    if (block->len < PM_NG_FRAME_LEN || block->len % 4 != 0 || block->len > PM_RECORD_MAX)
        return corrupt_length(capture, block->offset, block->len);
    if (pm_source_need(source, block->len) < block->len)
        return pm_capture_cut(capture, "a block", block->len);

    block->raw = source->at;
    if (pm_file_get32(block->raw + block->len - 4, capture->big) != block->len)
        return corrupt(capture, block->offset, "the two lengths of a block differ");
    pm_source_take(source, block->len);
    return PM_STEP_BLOCK;
}

static enum pm_step begin_section(struct pm_capture *capture, const struct block *block)
{
    if (block->len < 28)
        return corrupt(capture, block->offset, "a section header that is too short");
    uint16_t major = pm_file_get16(block->raw + 12, capture->big);
    uint16_t minor = pm_file_get16(block->raw + 14, capture->big);
    if (major != 1 || (minor != 0 && minor != 2)) /* 1.2 was written by mistake and means 1.0 */
        return pm_capture_fail(
            capture, "section at byte %" PRIu64 ": pcapng version %u.%u is not supported (1.0 is)",
            block->offset, major, minor);
    pm_pcapng_forget_interfaces(capture);
    capture->ng.in_section = true;
    return PM_STEP_BLOCK;
}

static bool read_interface_option(struct pm_interface *interface, const struct pm_ng_option *option,
                                  bool big)
{
    if (option->code == PM_NG_OPT_IF_NAME && interface->name == NULL) {
        interface->name = calloc(1, (size_t)option->len + 1);
        if (interface->name == NULL)
            return false;
        memcpy(interface->name, option->value, option->len);
    } else if (option->code == PM_NG_OPT_IF_TSRESOL && option->len >= 1) {
        interface->clock.binary = (option->value[0] & 0x80) != 0;
        interface->clock.exponent = option->value[0] & 0x7f;
    } else if (option->code == PM_NG_OPT_IF_TSOFFSET && option->len >= 8) {
        interface->clock.offset_s = (int64_t)pm_file_get64(option->value, big);
    }
    return true;
}

static bool room_for_interface(struct pm_capture *capture)
{
    if (capture->ng.count < capture->ng.cap)
        return true;
    uint32_t cap = capture->ng.cap == 0 ? 8 : capture->ng.cap * 2;
    struct pm_interface *grown = realloc(capture->ng.interfaces, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    capture->ng.interfaces = grown;
    capture->ng.cap = cap;
    return true;
}

static enum pm_step add_interface(struct pm_capture *capture, const struct block *block)
{
    if (block->len < 20)
        return corrupt(capture, block->offset, "an interface block that is too short");
    if (capture->ng.count == INTERFACES_MAX)
        return corrupt(capture, block->offset, "over 65536 interfaces in one section");
    if (!room_for_interface(capture))
        return corrupt(capture, block->offset, "no memory for another interface");
    struct pm_interface *interface = &capture->ng.interfaces[capture->ng.count++];
    *interface = (struct pm_interface){
        .link = pm_file_get16(block->raw + 8, capture->big),
        .snaplen = pm_file_get32(block->raw + 12, capture->big),
        .clock = PM_TICKS_MICRO,
    };
    struct pm_ng_options options = {block->raw + 16, block->len - 20, capture->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (!read_interface_option(interface, &option, capture->big))
            return corrupt(capture, block->offset, "no memory for an interface name");
    return PM_STEP_BLOCK;
}

static const struct pm_interface *interface_of(struct pm_capture *capture,
                                               const struct block *block, uint32_t id)
{
    if (id < capture->ng.count)
        return &capture->ng.interfaces[id];
    pm_capture_fail(capture,
                    "corrupt in frame %" PRIu64 " at byte %" PRIu64 ": interface %" PRIu32
                    " of a section that has %" PRIu32,
                    capture->frames + 1, block->offset, id, capture->ng.count);
    return NULL;
}

static enum pm_dir direction_in(struct pm_ng_options options)
{
    static const enum pm_dir known[4] = {PM_DIR_UNKNOWN, PM_DIR_IN, PM_DIR_OUT, PM_DIR_UNKNOWN};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (option.code == PM_NG_OPT_EPB_FLAGS && option.len >= 4)
            return known[pm_file_get32(option.value, options.big) & 3];
    return PM_DIR_UNKNOWN;
}

/* Enhanced and old packets differ only in the first four bytes. */
static enum pm_step read_packet(struct pm_capture *capture, const struct block *block,
                                struct pm_record *record)
{
    bool is_old = block->type == PM_NG_OLD_PACKET;
    if (block->len < PM_NG_PACKET_HEAD_LEN + 4)
        return corrupt(capture, block->offset, "a packet block that is too short");
    const uint8_t *raw = block->raw;
    uint32_t id =
        is_old ? pm_file_get16(raw + 8, capture->big) : pm_file_get32(raw + 8, capture->big);
    const struct pm_interface *interface = interface_of(capture, block, id);
    if (interface == NULL)
        return PM_STEP_BAD;
    uint32_t room = block->len - PM_NG_PACKET_HEAD_LEN - 4;
    uint32_t caplen = pm_file_get32(raw + 20, capture->big);
    if (caplen > room)
        return corrupt(capture, block->offset, "a captured length beyond the end of the block");
    uint32_t used = pm_ng_padded(caplen); /* room is a multiple of 4 */
    uint64_t ticks = (uint64_t)pm_file_get32(raw + 12, capture->big) << 32 |
                     pm_file_get32(raw + 16, capture->big);
    *record = (struct pm_record){
        .data = block->raw + PM_NG_PACKET_HEAD_LEN,
        .caplen = caplen,
        .origlen = pm_file_get32(raw + 24, capture->big),
        .time_ns = pm_ticks_to_ns(interface->clock, ticks),
        .link = interface->link,
        .kind = is_old ? PM_RECORD_OLD : PM_RECORD_ENHANCED,
        .dir = PM_DIR_UNKNOWN,
        .interface_id = id,
        .interface = interface->name,
        .raw = block->raw,
        .raw_len = block->len,
        .options = raw + PM_NG_PACKET_HEAD_LEN + used,
        .options_len = room - used,
        .clock = interface->clock,
        .big = capture->big,
    };
    if (record->options_len > 0)
        record->dir = direction_in(
            (struct pm_ng_options){record->options, record->options_len, capture->big});
    pm_capture_count(capture, record, interface->snaplen);
    return PM_STEP_PACKET;
}

/* It says neither when nor how much was captured: the interface's snaplen decides. */
static enum pm_step read_simple(struct pm_capture *capture, const struct block *block,
                                struct pm_record *record)
{
    if (block->len < 16)
        return corrupt(capture, block->offset, "a packet block that is too short");
    const struct pm_interface *interface = interface_of(capture, block, 0);
    if (interface == NULL)
        return PM_STEP_BAD;
    uint32_t origlen = pm_file_get32(block->raw + 8, capture->big), caplen = origlen;
    if (interface->snaplen != 0 && caplen > interface->snaplen)
        caplen = interface->snaplen;
    if (caplen > block->len - 16)
        return corrupt(capture, block->offset, "a packet length beyond the end of the block");
    *record = (struct pm_record){
        .data = block->raw + 12,
        .caplen = caplen,
        .origlen = origlen,
        .time_ns = capture->last_ns,
        .link = interface->link,
        .kind = PM_RECORD_SIMPLE,
        .dir = PM_DIR_UNKNOWN,
        .interface = interface->name,
        .raw = block->raw,
        .raw_len = block->len,
        .clock = interface->clock,
        .big = capture->big,
    };
    pm_capture_count(capture, record, interface->snaplen);
    return PM_STEP_PACKET;
}

enum pm_step pm_pcapng_next(struct pm_capture *capture, struct pm_record *record)
{
    struct block block = {0};
    enum pm_step step = take_block(capture, &block);
    if (step != PM_STEP_BLOCK)
        return step;
    assert(block.raw != NULL);
    if (block.type == PM_NG_ENHANCED_PACKET || block.type == PM_NG_OLD_PACKET)
        return read_packet(capture, &block, record);
    if (block.type == PM_NG_SIMPLE_PACKET)
        return read_simple(capture, &block, record);
    if (block.type == PM_NG_SECTION)
        step = begin_section(capture, &block);
    else if (block.type == PM_NG_INTERFACE)
        step = add_interface(capture, &block);
    *record = (struct pm_record){
        .kind = block.type == PM_NG_SECTION ? PM_RECORD_SECTION : PM_RECORD_OTHER,
        .raw = block.raw,
        .raw_len = block.len,
        .big = capture->big,
    };
    return step;
}
