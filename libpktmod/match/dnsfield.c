/* dnsfield.c - reading the fields of a DNS message that a datagram carries. */
#include "match/dnsfield.h"

static bool open_message(const struct pm_headers *h, struct pm_dns *dns)
{
    if (!pm_dns_is_port(h->src_port) && !pm_dns_is_port(h->dst_port))
        return false;
    return pm_dns_open(h->data + h->payload_off, h->payload_len, dns);
}

static void put_number(struct pm_reading *out, uint32_t number)
{
    out->number[out->count++] = number;
}

/* One name at a time: there is room for one. */
static void read_question_name(const struct pm_dns *dns, struct pm_reading *out)
{
    struct pm_dns_record record;
    if (!pm_dns_next(dns, &out->walk, &record) || record.section != PM_DNS_QUESTION)
        return;
    size_t len = pm_dns_name(dns, record.name_off, out->text);
    if (len == 0)
        return;
    out->bytes.bytes = out->text;
    out->bytes.len = len;
    out->count = 1;
    out->has_more = true;
}

static void read_question_types(const struct pm_dns *dns, struct pm_reading *out)
{
    struct pm_dns_record record;
    while (out->count < PM_FIELD_VALUES) {
        if (!pm_dns_next(dns, &out->walk, &record) || record.section != PM_DNS_QUESTION)
            return;
        put_number(out, record.type);
    }
    out->has_more = true;
}

/* Addresses of any section but the question's. */
static void read_addrs(const struct pm_dns *dns, uint16_t type, struct pm_reading *out)
{
    struct pm_dns_record record;
    size_t len = type == PM_DNS_A ? 4 : 16;
    out->addr_version = type == PM_DNS_A ? 4 : 6;
    while (out->count < PM_FIELD_VALUES) {
        if (!pm_dns_next(dns, &out->walk, &record))
            return;
        if (record.section != PM_DNS_QUESTION && record.type == type && record.data_len == len)
            out->addr[out->count++] = dns->bytes + record.data_off;
    }
    out->has_more = true;
}

void pm_dnsfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out)
{
    struct pm_dns dns;
    if (s->dns)
        dns = *s->dns;
    else if (!open_message(s->headers, &dns))
        return;
    switch ((int)field) {
    case PM_FIELD_DNS_RESPONSE:
        put_number(out, pm_dns_is_response(&dns));
        break;
    case PM_FIELD_DNS_RCODE:
        if (pm_dns_is_response(&dns))
            put_number(out, pm_dns_rcode(&dns));
        break;
    case PM_FIELD_DNS_QRY_NAME:
        read_question_name(&dns, out);
        break;
    case PM_FIELD_DNS_QRY_TYPE:
        read_question_types(&dns, out);
        break;
    case PM_FIELD_DNS_A:
        read_addrs(&dns, PM_DNS_A, out);
        break;
    case PM_FIELD_DNS_AAAA:
        read_addrs(&dns, PM_DNS_AAAA, out);
        break;
    default:
        break;
    }
}
