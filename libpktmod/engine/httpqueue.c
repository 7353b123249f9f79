/* httpqueue.c - requests that have no response yet; the contract is in http.h. */
#include <string.h>

#include "engine/http.h"

static const struct pm_http_text *fact(const struct pm_http_head *head, unsigned i)
{
    const struct pm_http_text *facts[] = {&head->method, &head->uri, &head->host,
                                          &head->user_agent};
    return facts[i];
}

static size_t kept_len(const struct pm_http_request *request)
{
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++)
        len += request->len[i] == PM_HTTP_ABSENT ? 0 : request->len[i];
    return len;
}

bool pm_http_push(struct pm_http_talk *talk, const struct pm_http_head *head)
{
    size_t len = 0;
    for (unsigned i = 0; i < 4; i++)
        len += fact(head, i)->len;
    if (talk->request_count == PM_HTTP_REQUESTS || len > PM_HTTP_FACTS - talk->facts_len)
        return false;
    struct pm_http_request *request = &talk->requests[talk->request_count++];
    *request =
        (struct pm_http_request){.method = (uint8_t)pm_http_method_of(head), .minor = head->minor};
    for (unsigned i = 0; i < 4; i++) {
        const struct pm_http_text *text = fact(head, i);
        request->len[i] = text->bytes ? (uint16_t)text->len : PM_HTTP_ABSENT;
        if (text->len > 0)
            memcpy(talk->facts + talk->facts_len, text->bytes, text->len);
        talk->facts_len = (uint16_t)(talk->facts_len + text->len);
    }
    return true;
}

void pm_http_pop(struct pm_http_talk *talk)
{
    size_t len = kept_len(&talk->requests[0]);
    talk->facts_len = (uint16_t)(talk->facts_len - len);
    memmove(talk->facts, talk->facts + len, talk->facts_len);
    talk->request_count--;
    memmove(talk->requests, talk->requests + 1, talk->request_count * sizeof talk->requests[0]);
}

void pm_http_tell(const struct pm_http_talk *talk, const struct pm_http_head *head,
                  struct pm_http *out)
{
    *out = (struct pm_http){.head = head,
                            .method = head->method,
                            .uri = head->uri,
                            .host = head->host,
                            .user_agent = head->user_agent};
    if (!head->is_response || talk->request_count == 0)
        return;
    struct pm_http_text *texts[] = {&out->method, &out->uri, &out->host, &out->user_agent};
    const uint8_t *at = talk->facts;
    for (unsigned i = 0; i < 4; i++) {
        uint16_t len = talk->requests[0].len[i];
        *texts[i] = (struct pm_http_text){.bytes = len == PM_HTTP_ABSENT ? NULL : at,
                                          .len = len == PM_HTTP_ABSENT ? 0 : len};
        at += texts[i]->len;
    }
}
