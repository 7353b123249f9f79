/* pipe.c - answers frame by frame.
 *
 *   C -> a new engine                                                                      -> D
 *   P -> what is due by now leaves -> judged -> allow: rewritten -> O ...                  -> D
 *                                               drop
 *                                               delay: kept -> due -> rewritten -> O ...
 *   T -> what is due by now leaves                                                         -> D
 */
#include "app/pipe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/byteorder.h"
#include "app/delayed.h"
#include "app/pipe_config.h"
#include "app/pipe_frame.h"

enum { LINK_RAW = 101 };

/* Any numbers, but the same in every run. */
static const uint64_t hash_key[2] = {UINT64_C(0x706b746d6f642d70), UINT64_C(0x6970652d6b657973)};

struct pipe {
    struct pm_policy *policy;
    FILE *out;
    struct pm_pipe_config config;
    struct pm_filter *filter;      /* NULL: no C yet */
    struct pm_rewriter *rewriter;  /* NULL: the policy rewrites nothing */
    struct pm_filter *late_filter; /* judges what rewriting leaves; NULL: no rule does */
    bool is_replying;              /* what leaves tells of a reject */
    struct {
        struct pm_packet packet; /* data NULL: none */
        uint8_t bytes[PM_REPLY_MAX];
    } original; /* the packet at hand before it is rewritten, for the late filter */
    struct pm_delayed delayed;
    uint64_t clock_ns, frames;
    uint8_t buffer[PM_FRAME_PAYLOAD_MAX];
};

/* ------------------------------------------------------------------ out */

static uint8_t iface_of(const struct pipe *pipe, enum pm_dir dir)
{
    return dir == PM_DIR_OUT ? !pipe->config.host_iface : pipe->config.host_iface;
}

static void put(const struct pipe *pipe, uint8_t type, uint8_t iface, const void *payload,
                size_t len)
{
    struct pm_frame frame = {type, iface, pipe->clock_ns, payload, (uint32_t)len};
    pm_frame_write(pipe->out, &frame);
}

static void put_done(const struct pipe *pipe, uint64_t next_ns)
{
    uint8_t payload[8];
    pm_file_put64(payload, next_ns, false);
    put(pipe, PM_FRAME_DONE, 0, payload, sizeof payload);
}

static void put_packet(const struct pipe *pipe, enum pm_dir dir, const uint8_t *data, size_t len)
{
    put(pipe, PM_FRAME_OUT, iface_of(pipe, dir), data, len);
}

/* Rules of stage after-rewrite let it pass. What tells of a reject there has the numbers of who
 * gets it: it leaves as it is. */
static bool is_let_out(const struct pipe *pipe, const struct pm_emitted *emitted)
{
    bool is_at_hand = !emitted->is_late && !emitted->is_own && pipe->original.packet.data != NULL;
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->len,
                               .link = LINK_RAW,
                               .dir = emitted->dir,
                               .csum = PM_CSUM_ON_WIRE,
                               .original = is_at_hand ? &pipe->original.packet : NULL};
    if (pipe->late_filter == NULL || pipe->is_replying)
        return true;
    struct pm_decision decision = pm_filter_decide(pipe->late_filter, &packet, pipe->clock_ns);
    for (uint32_t i = 0; i < decision.reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(pipe->late_filter, i);
        put_packet(pipe, reply.dir, reply.data, reply.len);
    }
    return decision.verdict == PM_ALLOW;
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    const struct pipe *pipe = context;
    if (is_let_out(pipe, emitted))
        put_packet(pipe, emitted->dir, emitted->data, emitted->len);
}

static void on_event(void *context, const struct pm_event *event)
{
    const struct pipe *pipe = context;
    char text[128];
    uint8_t from = !iface_of(pipe, event->dir);
    switch (event->kind) {
    case PM_EVENT_HOLD_RELEASE: {
        int len = snprintf(text, sizeof text,
                           "{\"ev\":\"hold_release\",\"dir\":%u,\"offset\":%" PRIu64
                           ",\"len\":%" PRIu64 "}",
                           from, event->offset, event->len);
        put(pipe, PM_FRAME_EVENT, from, text, (size_t)len);
        break;
    }
    }
}

/* ------------------------------------------------------------------ the engine */

static void end_engine(struct pipe *pipe)
{
    pm_rewriter_free(pipe->rewriter);
    pm_filter_free(pipe->filter);
    pm_filter_free(pipe->late_filter);
    pm_delayed_free(&pipe->delayed);
    pipe->rewriter = NULL;
    pipe->filter = NULL;
    pipe->late_filter = NULL;
}

static struct pm_rewriter *new_rewriter(struct pipe *pipe, struct pm_error *error)
{
    const struct pm_pipe_config *config = &pipe->config;
    bool is_live = config->mode == PM_MODE_LIVE;
    struct pm_rewriter_config rewriter = {
        .hash_key = {hash_key[0], hash_key[1]},
        .seed = config->seed,
        .mode = config->mode,
        .checksums = is_live ? PM_CHECKSUMS_VERIFY : PM_CHECKSUMS_AUTO,
        .mtu = config->mtu,
        .has_hold_ms = config->has_hold_ms,
        .hold_ms = config->hold_ms,
        .clamp_mss = config->clamp_mss,
        .emit = on_emit,
        .event = on_event,
        .context = pipe,
    };
    return pm_rewriter_new(pipe->policy, &rewriter, error);
}

static enum pm_exit begin_engine(struct pipe *pipe, uint64_t now_ns)
{
    struct pm_error error = {.status = PM_NO_MEMORY, .text = "no memory"};
    struct pm_filter_config filter = {.seed = pipe->config.seed,
                                      .hash_key = {hash_key[0], hash_key[1]}};
    bool rewrites = pm_policy_rewrites(pipe->policy);
    pipe->clock_ns = now_ns;
    if (pm_delayed_init(&pipe->delayed))
        pipe->filter = pm_filter_new(pipe->policy, &filter, &error);
    struct pm_filter_config late = filter;
    late.stage = PM_STAGE_AFTER_REWRITE;
    bool has_late = pm_policy_has_stage(pipe->policy, PM_STAGE_AFTER_REWRITE);
    if (pipe->filter != NULL && has_late)
        pipe->late_filter = pm_filter_new(pipe->policy, &late, &error);
    if (pipe->filter != NULL && rewrites)
        pipe->rewriter = new_rewriter(pipe, &error);
    bool is_judged = pipe->filter != NULL && (pipe->late_filter != NULL || !has_late);
    if (is_judged && (pipe->rewriter != NULL || !rewrites))
        return PM_EXIT_GOOD;
    return pm_complain(PM_EXIT_INTERNAL, "pipe: %s", error.text);
}

/* For who judges what becomes of it. */
static void keep_original(struct pipe *pipe, const struct pm_packet *packet)
{
    if (pipe->late_filter == NULL)
        return;
    size_t len = packet->len < PM_REPLY_MAX ? packet->len : PM_REPLY_MAX;
    pipe->original.packet = *packet;
    pipe->original.packet.data = pipe->original.bytes;
    pipe->original.packet.len = len;
    memcpy(pipe->original.bytes, packet->data, len);
}

static void send(struct pipe *pipe, const struct pm_packet *packet, uint8_t *buffer)
{
    keep_original(pipe, packet);
    struct pm_emitted unchanged = {.data = packet->data, .len = packet->len, .dir = packet->dir};
    if (pipe->rewriter == NULL)
        on_emit(pipe, &unchanged);
    else
        pm_rewrite(pipe->rewriter, packet, buffer, pipe->clock_ns);
}

static struct pm_packet packet_of(const struct pm_record *record, enum pm_dir dir)
{
    return (struct pm_packet){.data = record->data,
                              .len = record->caplen,
                              .wire_len = record->caplen,
                              .link = LINK_RAW,
                              .dir = dir,
                              .csum = PM_CSUM_ON_WIRE};
}

/* Towards its sender a reply leaves as it is; towards the receiver it takes the sender's way. */
static void send_reply(struct pipe *pipe, uint32_t i)
{
    uint8_t bytes[PM_REPLY_MAX];
    struct pm_reply reply = pm_filter_reply(pipe->filter, i);
    struct pm_record record = {.data = bytes, .caplen = (uint32_t)reply.len};
    struct pm_packet packet = packet_of(&record, reply.dir);
    memcpy(bytes, reply.data, reply.len);
    packet.final = PM_FINAL_NO;
    pipe->is_replying = true;
    if (reply.to_sender)
        put_packet(pipe, reply.dir, bytes, reply.len);
    else
        send(pipe, &packet, bytes);
    pipe->is_replying = false;
}

static uint64_t rewriter_next_ns(const struct pipe *pipe)
{
    return pipe->rewriter == NULL ? UINT64_MAX : pm_rewriter_next_ns(pipe->rewriter);
}

static uint64_t next_ns(const struct pipe *pipe)
{
    uint64_t delayed_ns = pm_filter_next_ns(pipe->filter);
    uint64_t held_ns = rewriter_next_ns(pipe);
    return delayed_ns < held_ns ? delayed_ns : held_ns;
}

static void release_delayed(struct pipe *pipe, uint64_t due_ns)
{
    struct pm_due due;
    if (!pm_filter_due(pipe->filter, due_ns, &due))
        return;
    const struct pm_delayed_packet *delayed = pm_delayed_at(&pipe->delayed, due.cookie);
    struct pm_packet packet = packet_of(&delayed->record, delayed->dir);
    packet.final = delayed->is_final ? PM_FINAL_YES : PM_FINAL_NO;
    if (due.verdict == PM_ALLOW)
        send(pipe, &packet, delayed->record.data);
    pm_delayed_drop(&pipe->delayed, due.cookie);
}

/* Of two at the same time, bytes that were held leave before packets that were delayed. */
static void release_due(struct pipe *pipe, uint64_t now_ns)
{
    uint64_t due_ns;
    while ((due_ns = next_ns(pipe)) <= now_ns && due_ns != UINT64_MAX) {
        if (due_ns > pipe->clock_ns)
            pipe->clock_ns = due_ns;
        if (rewriter_next_ns(pipe) <= due_ns)
            pm_rewriter_due(pipe->rewriter, pipe->clock_ns);
        else
            release_delayed(pipe, pipe->clock_ns);
    }
    if (now_ns > pipe->clock_ns)
        pipe->clock_ns = now_ns;
}

/* ------------------------------------------------------------------ in */

static enum pm_exit bad_frame(const struct pipe *pipe, const char *why)
{
    return pm_complain(PM_EXIT_BAD_INPUT, "pipe: frame %" PRIu64 ": %s", pipe->frames, why);
}

static enum pm_exit take_config(struct pipe *pipe, const struct pm_frame *frame)
{
    char error[PM_PIPE_CONFIG_ERROR];
    const char *text = (const char *)frame->payload;
    end_engine(pipe);
    if (!pm_pipe_config_read(&pipe->config, text, frame->len, error))
        return bad_frame(pipe, error);
    return begin_engine(pipe, frame->now_ns);
}

static enum pm_exit take_packet(struct pipe *pipe, const struct pm_frame *frame)
{
    if (frame->iface > 1)
        return bad_frame(pipe, "a packet arrives on interface 0 or 1");
    if (frame->len == 0)
        return bad_frame(pipe, "a packet has at least one byte");
    release_due(pipe, frame->now_ns);
    struct pm_record record = {
        .data = pipe->buffer, .caplen = frame->len, .raw = pipe->buffer, .raw_len = frame->len};
    enum pm_dir dir = frame->iface == pipe->config.host_iface ? PM_DIR_OUT : PM_DIR_IN;
    struct pm_packet packet = packet_of(&record, dir);
    packet.cookie = pm_delayed_next_cookie(&pipe->delayed);
    struct pm_decision decision = pm_filter_decide(pipe->filter, &packet, pipe->clock_ns);
    packet.final = decision.is_final ? PM_FINAL_YES : PM_FINAL_NO;
    switch (decision.verdict) {
    case PM_ALLOW:
        send(pipe, &packet, pipe->buffer);
        break;
    case PM_DROP:
        break;
    case PM_REJECT:
        for (uint32_t i = 0; i < decision.reply_count; i++)
            send_reply(pipe, i);
        break;
    case PM_DELAY:
    case PM_ASK:
        if (!pm_delayed_keep(&pipe->delayed, &record, &decision, pipe->clock_ns))
            return pm_complain(PM_EXIT_INTERNAL, "pipe: no memory for another delayed packet");
        release_due(pipe, pipe->clock_ns);
        break;
    }
    return PM_EXIT_GOOD;
}

static enum pm_exit take_frame(struct pipe *pipe, const struct pm_frame *frame)
{
    bool is_timed = frame->type == PM_FRAME_PACKET || frame->type == PM_FRAME_TIME;
    enum pm_exit code = PM_EXIT_GOOD;
    if (is_timed && pipe->filter == NULL)
        return bad_frame(pipe, "the first one has to be a C");
    if (frame->type == PM_FRAME_CONFIG)
        code = take_config(pipe, frame);
    else if (frame->type == PM_FRAME_PACKET)
        code = take_packet(pipe, frame);
    else if (frame->type == PM_FRAME_TIME)
        release_due(pipe, frame->now_ns);
    else
        return bad_frame(pipe, "its type is none of C, P, T and Q");
    if (code == PM_EXIT_GOOD)
        put_done(pipe, next_ns(pipe));
    return code;
}

/* The step that ended the conversation: is it the right one? */
static enum pm_exit end_of(const struct pipe *pipe, enum pm_frame_step step)
{
    switch (step) {
    case PM_FRAME_GOOD: /* it is a Q */
    case PM_FRAME_END:
        return PM_EXIT_GOOD;
    case PM_FRAME_CUT:
        return bad_frame(pipe, "the input ends in the middle of it");
    case PM_FRAME_TOO_SMALL:
        return bad_frame(pipe, "its length is under 10");
    case PM_FRAME_TOO_LARGE:
        return bad_frame(pipe, "its payload is larger than 262144 bytes");
    }
    return PM_EXIT_INTERNAL;
}

static enum pm_exit converse(struct pipe *pipe, FILE *in)
{
    struct pm_frame frame;
    bool is_heard = true; /* if not, whoever closes `out` tells */
    while (is_heard) {
        pipe->frames++;
        enum pm_frame_step step = pm_frame_read(in, &frame, pipe->buffer);
        if (step != PM_FRAME_GOOD || frame.type == PM_FRAME_QUIT)
            return end_of(pipe, step);
        enum pm_exit code = take_frame(pipe, &frame);
        if (code != PM_EXIT_GOOD)
            return code;
        is_heard = fflush(pipe->out) == 0;
    }
    return PM_EXIT_GOOD;
}

enum pm_exit pm_pipe_run(struct pm_policy *policy, FILE *in, FILE *out)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "pipe: no memory");
    pipe->policy = policy;
    pipe->out = out;
    enum pm_exit code = converse(pipe, in);
    end_engine(pipe);
    free(pipe);
    return code;
}
