/* filing.c - the exact bits that a condition requires of a packet. */
#include "match/filing.h"

#include <string.h>

struct filings {
    struct pm_filing list[PM_FILINGS_MAX];
    uint32_t count;
    bool is_full; /* the list lacks some */
};

static void add(struct filings *filings, const struct pm_filing *filing)
{
    if (filings->count == PM_FILINGS_MAX)
        filings->is_full = true;
    else
        filings->list[filings->count++] = *filing;
}

/* ------------------------------------------------------------------ one test */

static struct pm_filing of_proto(uint8_t version, uint8_t proto)
{
    return (struct pm_filing){.version = version, .has_proto = true, .proto = proto};
}

static void add_prefix(struct filings *filings, const struct pm_value *value, bool src, bool dst)
{
    struct pm_filing filing = {.version = value->prefix.addr.version};
    if (src) {
        filing.src_bits = value->prefix.bits;
        memcpy(filing.src, value->prefix.addr.bytes, sizeof filing.src);
        add(filings, &filing);
    }
    filing = (struct pm_filing){.version = value->prefix.addr.version};
    if (dst) {
        filing.dst_bits = value->prefix.bits;
        memcpy(filing.dst, value->prefix.addr.bytes, sizeof filing.dst);
        add(filings, &filing);
    }
}

/* Sides of a port test: which ends it may mean. */
struct port_test {
    struct pm_filing base; /* what it requires besides */
    bool src, dst;
};

static void add_port(struct filings *filings, const struct port_test *test, uint16_t port)
{
    struct pm_filing filing = test->base;
    if (test->src) {
        filing.has_src_port = true;
        filing.src_port = port;
        add(filings, &filing);
    }
    filing = test->base;
    if (test->dst) {
        filing.has_dst_port = true;
        filing.dst_port = port;
        add(filings, &filing);
    }
}

static void add_version(struct filings *filings, uint32_t version)
{
    if (version == 4 || version == 6)
        add(filings, &(struct pm_filing){.version = (uint8_t)version});
}

static bool is_prefix_field(enum pm_field field)
{
    return field == PM_FIELD_IP_SRC || field == PM_FIELD_IP_DST || field == PM_FIELD_IP_ADDR;
}

static bool is_port_field(enum pm_field field, struct port_test *test)
{
    enum pm_field first = PM_FIELD_L4_SRCPORT;
    *test = (struct port_test){.src = false};
    if (field >= PM_FIELD_TCP_SRCPORT && field <= PM_FIELD_TCP_PORT) {
        first = PM_FIELD_TCP_SRCPORT;
        test->base = of_proto(0, PM_PROTO_TCP);
    } else if (field >= PM_FIELD_UDP_SRCPORT && field <= PM_FIELD_UDP_PORT) {
        first = PM_FIELD_UDP_SRCPORT;
        test->base = of_proto(0, PM_PROTO_UDP);
    } else if (field < PM_FIELD_L4_SRCPORT || field > PM_FIELD_L4_PORT) {
        return false;
    }
    test->src = field != first + 1;
    test->dst = field != first;
    return true;
}

_Static_assert(PM_FIELD_TCP_DSTPORT == PM_FIELD_TCP_SRCPORT + 1 &&
                   PM_FIELD_TCP_PORT == PM_FIELD_TCP_SRCPORT + 2 &&
                   PM_FIELD_UDP_DSTPORT == PM_FIELD_UDP_SRCPORT + 1 &&
                   PM_FIELD_UDP_PORT == PM_FIELD_UDP_SRCPORT + 2 &&
                   PM_FIELD_L4_DSTPORT == PM_FIELD_L4_SRCPORT + 1 &&
                   PM_FIELD_L4_PORT == PM_FIELD_L4_SRCPORT + 2,
               "source, destination, either");

static void add_number(struct filings *filings, enum pm_field field, uint32_t number)
{
    struct port_test port;
    if (field == PM_FIELD_IP_VERSION)
        add_version(filings, number);
    else if (field == PM_FIELD_IP_PROTO && number <= UINT8_MAX)
        add(filings, &(struct pm_filing){.has_proto = true, .proto = (uint8_t)number});
    else if (is_port_field(field, &port) && number <= UINT16_MAX)
        add_port(filings, &port, (uint16_t)number);
}

static void add_range(struct filings *filings, enum pm_field field, uint32_t lo, uint32_t hi)
{
    uint32_t max = pm_field_info(field)->max;
    for (uint32_t n = lo; n <= hi && n <= max && !filings->is_full; n++)
        add_number(filings, field, n);
}

/* False: the values cannot be listed. */
static bool list_values(struct filings *out, enum pm_field field, const struct pm_value *values,
                        size_t count)
{
    struct port_test port;
    bool prefix = is_prefix_field(field);
    if (!prefix && field != PM_FIELD_IP_VERSION && field != PM_FIELD_IP_PROTO &&
        !is_port_field(field, &port))
        return false;
    for (size_t i = 0; i < count && !out->is_full; i++) {
        if (values[i].kind != (prefix ? PM_VALUE_PREFIX : PM_VALUE_RANGE))
            return false;
        if (prefix)
            add_prefix(out, &values[i], field != PM_FIELD_IP_DST, field != PM_FIELD_IP_SRC);
        else
            add_range(out, field, values[i].range.lo, values[i].range.hi);
    }
    return !out->is_full;
}

/* What is left when the values cannot be listed: the protocol that has such a field. */
static void list_protocols(struct filings *out, enum pm_field field)
{
    out->count = 0;
    out->is_full = false;
    if ((field >= PM_FIELD_TCP_SRCPORT && field <= PM_FIELD_TCP_LEN) || field == PM_FIELD_STREAM) {
        add(out, &(const struct pm_filing){.has_proto = true, .proto = PM_PROTO_TCP});
    } else if (field >= PM_FIELD_UDP_SRCPORT && field <= PM_FIELD_UDP_LENGTH) {
        add(out, &(const struct pm_filing){.has_proto = true, .proto = PM_PROTO_UDP});
    } else if (field == PM_FIELD_ICMP_TYPE || field == PM_FIELD_ICMP_CODE) {
        struct pm_filing v4 = of_proto(4, PM_PROTO_ICMP), v6 = of_proto(6, PM_PROTO_ICMP6);
        add(out, &v4);
        add(out, &v6);
    } else {
        add(out, &(const struct pm_filing){.version = 0});
    }
}

/* ------------------------------------------------------------------ all tests */

static bool prefixes_agree(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
    uint8_t rest = bits % 8;
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return !rest || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

/* Keeps the longer of two prefixes; false: no address is in both. */
static bool join_prefix(uint8_t *bits, uint8_t *addr, uint8_t more_bits, const uint8_t *more)
{
    if (!prefixes_agree(addr, more, *bits < more_bits ? *bits : more_bits))
        return false;
    if (more_bits > *bits) {
        *bits = more_bits;
        memcpy(addr, more, 16);
    }
    return true;
}

/* What both require; false: no packet agrees with both. */
static bool join(struct pm_filing *a, const struct pm_filing *b)
{
    if ((a->version && b->version && a->version != b->version) ||
        (a->has_proto && b->has_proto && a->proto != b->proto) ||
        (a->has_src_port && b->has_src_port && a->src_port != b->src_port) ||
        (a->has_dst_port && b->has_dst_port && a->dst_port != b->dst_port) ||
        !join_prefix(&a->src_bits, a->src, b->src_bits, b->src) ||
        !join_prefix(&a->dst_bits, a->dst, b->dst_bits, b->dst))
        return false;
    a->version |= b->version;
    a->proto |= b->proto;
    a->src_port |= b->src_port;
    a->dst_port |= b->dst_port;
    a->has_proto |= b->has_proto;
    a->has_src_port |= b->has_src_port;
    a->has_dst_port |= b->has_dst_port;
    return true;
}

/* Every filing so far joined with every one of the test. False: too many, `so_far` is unchanged. */
static bool join_all(struct filings *so_far, const struct filings *test)
{
    struct filings joined;
    joined.count = 0;
    joined.is_full = false;
    for (uint32_t i = 0; i < so_far->count; i++)
        for (uint32_t j = 0; j < test->count; j++) {
            struct pm_filing both = so_far->list[i];
            if (join(&both, &test->list[j]))
                add(&joined, &both);
        }
    if (joined.is_full)
        return false;
    memcpy(so_far->list, joined.list, joined.count * sizeof joined.list[0]);
    so_far->count = joined.count;
    return true;
}

static void visit(void *context, enum pm_field field, const struct pm_value *values, size_t count,
                  const struct pm_conds *c)
{
    struct filings test;
    (void)c;
    test.count = 0;
    test.is_full = false;
    if (list_values(&test, field, values, count) && join_all(context, &test))
        return;
    list_protocols(&test, field);
    (void)join_all(context, &test);
}

uint32_t pm_filings_of(const struct pm_conds *c, pm_cond_id cond,
                       struct pm_filing out[PM_FILINGS_MAX])
{
    struct filings filings;
    filings.list[0] = (struct pm_filing){.version = 0};
    filings.count = 1;
    filings.is_full = false;
    pm_cond_required(c, cond, visit, &filings);
    memcpy(out, filings.list, filings.count * sizeof filings.list[0]);
    return filings.count;
}
