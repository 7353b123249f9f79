/* dnsrdata.c - names within the data of records; the contract is in dnsrdata.h. */
#include "proto/dnsrdata.h"

struct typed {
    uint16_t type;
    struct pm_dns_layout layout;
};

const struct pm_dns_layout *pm_dns_layout_of(uint16_t type)
{
    static const struct typed list[] = {
        {2, {.names = 1, .may_compress = true}},                   /* NS */
        {3, {.names = 1, .may_compress = true}},                   /* MD */
        {4, {.names = 1, .may_compress = true}},                   /* MF */
        {5, {.names = 1, .may_compress = true}},                   /* CNAME */
        {6, {.names = 2, .may_compress = true, .has_tail = true}}, /* SOA */
        {7, {.names = 1, .may_compress = true}},                   /* MB */
        {8, {.names = 1, .may_compress = true}},                   /* MG */
        {9, {.names = 1, .may_compress = true}},                   /* MR */
        {12, {.names = 1, .may_compress = true}},                  /* PTR */
        {14, {.names = 2, .may_compress = true}},                  /* MINFO */
        {15, {.head = 2, .names = 1, .may_compress = true}},       /* MX */
        {17, {.names = 2}},                                        /* RP */
        {18, {.head = 2, .names = 1}},                             /* AFSDB */
        {21, {.head = 2, .names = 1}},                             /* RT */
        {26, {.head = 2, .names = 2}},                             /* PX */
        {33, {.head = 6, .names = 1}},                             /* SRV */
        {35, {.head = 4, .texts = 3, .names = 1}},                 /* NAPTR */
        {36, {.head = 2, .names = 1}},                             /* KX */
        {39, {.names = 1}},                                        /* DNAME */
        {64, {.head = 2, .names = 1, .has_tail = true}},           /* SVCB */
        {65, {.head = 2, .names = 1, .has_tail = true}},           /* HTTPS */
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].type == type)
            return &list[i].layout;
    return NULL;
}

/* Bytes before the names. False: they reach over the end. */
static bool read_head(const struct pm_dns *dns, const struct pm_dns_record *record,
                      const struct pm_dns_layout *layout, size_t *len)
{
    *len = layout->head;
    for (uint32_t i = 0; i < layout->texts; i++) {
        if (*len >= record->data_len)
            return false;
        *len += 1u + dns->bytes[record->data_off + *len];
    }
    return *len <= record->data_len;
}

bool pm_dns_rdata_read(const struct pm_dns *dns, const struct pm_dns_record *record,
                       const struct pm_dns_layout *layout, struct pm_dns_rdata *out)
{
    size_t end = record->data_off + record->data_len;
    if (!read_head(dns, record, layout, &out->head_len))
        return false;
    size_t at = record->data_off + out->head_len;
    for (uint32_t i = 0; i < layout->names; i++)
        if (at >= end || !pm_dns_labels_read(dns, at, &out->names[i], &at) || at > end)
            return false;
    out->tail_off = at;
    out->tail_len = end - at;
    return layout->has_tail || at == end;
}
