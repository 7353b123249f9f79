/* parts.c - framers of flows: their memory, their life; the contract is in parts.h. */
#include "engine/parts.h"

#include <stdlib.h>
#include <string.h>

#include "engine/http.h"
#include "engine/regexes.h"

/* Flows of which messages are read at a time; others pass, and are counted. */
#define MOST_TALKS 8192u

static uint32_t talks_for(uint32_t streams)
{
    return streams < MOST_TALKS ? streams : MOST_TALKS;
}

static uint32_t words_for(const struct pm_policy *policy)
{
    return (policy->http_rules + 63) / 64;
}

static size_t talk_size(const struct pm_policy *policy)
{
    return sizeof(struct pm_http_talk) + 2 * words_for(policy) * sizeof(uint64_t);
}

/* Blocks are cut at every PM_HTTP_BLOCK bytes, and a find may reach behind that. */
static size_t decoded_cap(const struct pm_policy *policy)
{
    return 2 * PM_HTTP_BLOCK + (size_t)policy->settings.hold_bytes;
}

size_t pm_framing_footprint(const struct pm_policy *policy, uint32_t streams)
{
    if (policy->http_rules == 0)
        return 0;
    return sizeof(struct pm_framing) + PM_HTTP_SCRATCH + decoded_cap(policy) +
           pm_pool_footprint(talk_size(policy), talks_for(streams));
}

bool pm_framing_init(struct pm_rewriter *r)
{
    const struct pm_policy *policy = r->policy;
    if (policy->http_rules == 0)
        return true;
    r->framing = calloc(1, sizeof *r->framing);
    if (!r->framing)
        return false;
    r->framing->words = words_for(policy);
    r->framing->decoded_cap = decoded_cap(policy);
    r->framing->scratch = malloc(PM_HTTP_SCRATCH);
    r->framing->decoded = malloc(r->framing->decoded_cap);
    return r->framing->scratch && r->framing->decoded &&
           pm_pool_init(&r->framing->talks, talk_size(policy), talks_for(r->config.streams));
}

void pm_framing_release(struct pm_rewriter *r)
{
    if (!r->framing)
        return;
    pm_pool_release(&r->framing->talks);
    free(r->framing->scratch);
    free(r->framing->decoded);
    free(r->framing);
}

void pm_parts_begin(struct pm_rewriter *r, const struct pm_passage *p, struct pm_stream *stream)
{
    if (!pm_rewriter_own(p)->sides[p->tracked.side].may_frame || stream->framer)
        return;
    uint32_t index = pm_pool_take(&r->framing->talks);
    if (index == PM_NIL) {
        pm_count_why(r, PM_WHY_HTTP_FULL);
        return;
    }
    stream->framer = index + 1;
    memset(pm_http_talk_at(r, stream->framer), 0, r->framing->talks.object_size);
}

void pm_parts_restart(struct pm_rewriter *r, struct pm_stream *stream)
{
    if (stream->framer)
        memset(pm_http_talk_at(r, stream->framer), 0, r->framing->talks.object_size);
}

void pm_parts_end(struct pm_rewriter *r, struct pm_stream *stream)
{
    if (stream->framer)
        pm_pool_put(&r->framing->talks, stream->framer - 1);
    stream->framer = 0;
}

static struct pm_http_half *half_of(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_stream *stream = pm_stream_at(r, pm_rewriter_own(p)->stream);
    return stream->framer ? &pm_http_talk_at(r, stream->framer)->half[p->tracked.side] : NULL;
}

/* Edits at places of the stream, and clients that decide about it, know of no messages. */
static bool has_clash(const struct pm_passage *p, const struct pm_half *half)
{
    return p->selection.has_splice || half->cut_until > half->log.o_end ||
           half->external.state != PM_EXTERNAL_OFF;
}

bool pm_parts_reads(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_half *half)
{
    struct pm_http_half *own = r->framing ? half_of(r, p) : NULL;
    if (!own || own->state == PM_HTTP_OVER)
        return false;
    if (!half->has_gap && !has_clash(p, half))
        return true;
    pm_http_over(r, own, half->has_gap ? PM_WHY_HTTP_LATE : PM_WHY_HTTP_CLASH);
    return false;
}

void pm_parts_clear(struct pm_rewriter *r)
{
    r->framing->scratch_len = 0;
    r->regexes->expanded_len = 0;
}

size_t pm_parts_next(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct pm_part *part)
{
    return pm_http_next(r, p, half, part);
}

void pm_parts_passed(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                     const struct pm_part *part, size_t len, bool is_made)
{
    pm_http_passed(r, p, half, part, len, is_made);
}
