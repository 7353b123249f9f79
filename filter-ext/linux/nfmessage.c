/* nfmessage.c - reads and writes messages of the packet queue; the contract is in nfmessage.h. */
#include "filter-ext/linux/nfmessage.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>
#include <sys/socket.h>

#define OUR_TYPE(message) ((uint16_t)(NFNL_SUBSYS_QUEUE << 8 | (message)))

/* ------------------------------------------------------------------ in */

static bool take_u32(const struct nlattr *attr, uint32_t *out)
{
    uint32_t value;
    if (mnl_attr_get_payload_len(attr) < sizeof value)
        return false;
    memcpy(&value, mnl_attr_get_payload(attr), sizeof value);
    *out = ntohl(value);
    return true;
}

static bool take_header(const struct nlattr *attr, struct pm_nf_message *m)
{
    struct nfqnl_msg_packet_hdr header;
    if (mnl_attr_get_payload_len(attr) < sizeof header)
        return false;
    memcpy(&header, mnl_attr_get_payload(attr), sizeof header);
    m->id = ntohl(header.packet_id);
    m->hook = header.hook;
    return true;
}

/* False: the attribute is too short for what it says it is. */
static bool take_attribute(const struct nlattr *attr, struct pm_nf_message *m)
{
    uint32_t info = 0, wire_len = 0;
    switch (mnl_attr_get_type(attr)) {
    case NFQA_PACKET_HDR:
        return take_header(attr, m);
    case NFQA_MARK:
        return take_u32(attr, &m->mark);
    case NFQA_IFINDEX_INDEV:
        return take_u32(attr, &m->in_ifindex);
    case NFQA_IFINDEX_OUTDEV:
        return take_u32(attr, &m->out_ifindex);
    case NFQA_PAYLOAD:
        m->data = mnl_attr_get_payload(attr);
        m->len = mnl_attr_get_payload_len(attr);
        return true;
    case NFQA_CAP_LEN:
        if (!take_u32(attr, &wire_len))
            return false;
        m->wire_len = wire_len;
        return true;
    case NFQA_SKB_INFO:
        if (!take_u32(attr, &info))
            return false;
        m->is_checksum_partial = (info & NFQA_SKB_CSUMNOTREADY) != 0;
        return true;
    default: /* what newer kernels tell */
        return true;
    }
}

static enum pm_nf_kind read_packet(const struct nlmsghdr *header, struct pm_nf_message *m)
{
    if (mnl_nlmsg_get_payload_len(header) < sizeof(struct nfgenmsg))
        return PM_NF_BROKEN;
    const struct nlattr *attr = mnl_nlmsg_get_payload_offset(header, sizeof(struct nfgenmsg));
    const char *end = (const char *)header + header->nlmsg_len; /* mnl counts the padding in */
    bool has_header = false;
    while (mnl_attr_ok(attr, (int)(end - (const char *)attr))) {
        if (!take_attribute(attr, m))
            return PM_NF_BROKEN;
        has_header |= mnl_attr_get_type(attr) == NFQA_PACKET_HDR;
        attr = mnl_attr_next(attr);
    }
    if (m->wire_len < m->len)
        m->wire_len = m->len;
    return has_header ? PM_NF_PACKET : PM_NF_BROKEN;
}

static enum pm_nf_kind read_answer(const struct nlmsghdr *header, struct pm_nf_message *m)
{
    struct nlmsgerr told;
    if (mnl_nlmsg_get_payload_len(header) < sizeof told)
        return PM_NF_BROKEN;
    memcpy(&told, mnl_nlmsg_get_payload(header), sizeof told);
    m->sequence = header->nlmsg_seq;
    m->error = told.error == INT32_MIN ? INT32_MAX : -told.error;
    return PM_NF_ANSWER;
}

struct pm_nf_message pm_nf_read(const void *bytes, size_t len)
{
    struct pm_nf_message m = {.kind = PM_NF_BROKEN, .size = len};
    const struct nlmsghdr *header = bytes;
    if (len > INT32_MAX || !mnl_nlmsg_ok(header, (int)len))
        return m;
    if (header->nlmsg_len > len) /* mnl takes one of 2 GiB and more for negative, and small */
        return m;
    size_t size = ((size_t)header->nlmsg_len + 3) & ~(size_t)3;
    if (header->nlmsg_type == NLMSG_ERROR)
        m.kind = read_answer(header, &m);
    else if (header->nlmsg_type == OUR_TYPE(NFQNL_MSG_PACKET))
        m.kind = read_packet(header, &m);
    else
        m.kind = PM_NF_OTHER;
    if (m.kind != PM_NF_BROKEN)
        m.size = size < len ? size : len;
    return m;
}

/* ------------------------------------------------------------------ out */

static struct nlmsghdr *begin(void *out, uint16_t message, uint16_t queue)
{
    memset(out, 0, PM_NF_MESSAGE_MAX);
    struct nlmsghdr *header = mnl_nlmsg_put_header(out);
    header->nlmsg_type = OUR_TYPE(message);
    header->nlmsg_flags = NLM_F_REQUEST;
    struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof *generic);
    generic->nfgen_family = AF_UNSPEC;
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(queue);
    return header;
}

static struct nlmsghdr *begin_asking(void *out, uint16_t queue, uint32_t sequence)
{
    struct nlmsghdr *header = begin(out, NFQNL_MSG_CONFIG, queue);
    header->nlmsg_flags |= NLM_F_ACK;
    header->nlmsg_seq = sequence;
    return header;
}

static void put_copy_len(struct nlmsghdr *header, uint32_t copy_len)
{
    struct nfqnl_msg_config_params params = {.copy_range = htonl(copy_len),
                                             .copy_mode = NFQNL_COPY_PACKET};
    mnl_attr_put(header, NFQA_CFG_PARAMS, sizeof params, &params);
}

size_t pm_nf_write_bind(void *out, uint16_t queue, uint32_t sequence)
{
    struct nlmsghdr *header = begin_asking(out, queue, sequence);
    struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
    mnl_attr_put(header, NFQA_CFG_CMD, sizeof command, &command);
    return header->nlmsg_len;
}

size_t pm_nf_write_config(void *out, const struct pm_nf_config *config, uint32_t sequence)
{
    struct nlmsghdr *header = begin_asking(out, config->queue, sequence);
    uint32_t flags = NFQA_CFG_F_GSO | (config->fail_open ? NFQA_CFG_F_FAIL_OPEN : 0u);
    put_copy_len(header, config->copy_len);
    mnl_attr_put_u32(header, NFQA_CFG_QUEUE_MAXLEN, htonl(config->queue_len));
    if (config->has_flags) {
        mnl_attr_put_u32(header, NFQA_CFG_FLAGS, htonl(flags));
        mnl_attr_put_u32(header, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
    }
    return header->nlmsg_len;
}

size_t pm_nf_write_verdict(void *out, uint16_t queue, const struct pm_nf_verdict *verdict)
{
    uint16_t message = verdict->all_before ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT;
    struct nlmsghdr *header = begin(out, message, queue);
    struct nfqnl_msg_verdict_hdr words = {.verdict = htonl(verdict->verdict),
                                          .id = htonl(verdict->id)};
    mnl_attr_put(header, NFQA_VERDICT_HDR, sizeof words, &words);
    if (verdict->has_mark)
        mnl_attr_put_u32(header, NFQA_MARK, htonl(verdict->mark));
    return header->nlmsg_len;
}
