/* tcpopt.c - TCP options one by one (RFC 9293 section 3.1). */
#include "wire/tcpopt.h"

#define TCP_FIXED_LEN 20

void pm_tcpopt_begin(struct pm_tcpopt *it, const uint8_t *tcp)
{
    *it = (struct pm_tcpopt){
        .tcp = tcp,
        .header_len = (uint32_t)(tcp[12] >> 4) * 4,
        .next = TCP_FIXED_LEN,
    };
}

static bool finish(struct pm_tcpopt *it, bool is_malformed)
{
    it->next = it->header_len;
    it->is_malformed = is_malformed;
    return false;
}

bool pm_tcpopt_next(struct pm_tcpopt *it)
{
    while (it->next < it->header_len && it->tcp[it->next] == PM_OPT_NOP)
        it->next++;
    if (it->next >= it->header_len)
        return false;
    if (it->tcp[it->next] == PM_OPT_EOL)
        return finish(it, false);
    uint32_t room = it->header_len - it->next;
    if (room < 2 || it->tcp[it->next + 1] < 2 || it->tcp[it->next + 1] > room)
        return finish(it, true);
    it->off = it->next;
    it->kind = it->tcp[it->off];
    it->len = it->tcp[it->off + 1];
    it->next += it->len;
    return true;
}
