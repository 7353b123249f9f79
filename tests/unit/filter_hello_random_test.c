/* filter_hello_random_test.c - a client cuts, repeats, reorders and contradicts its hello at
 * random. Its server never has a whole hello with the name that is refused; where nothing is
 * contradicted and the name is another one, it has every byte in the end. */
#include "base/rng.h"
#include "hello.h"
#include "proto/tls.h"
#include "scene.h"

#define SEEDS  400u
#define PIECES 40u

/* Takes what the filter lets through, as a stack does that keeps the first, or the last, copy of
 * bytes that came early. */
struct server {
    uint8_t bytes[HELLO_ROOM];
    bool has[HELLO_ROOM];
    size_t next; /* bytes in order */
    bool keeps_last;
};

/* What is on its way, by cookie. */
struct letter {
    size_t off, len;
    uint8_t bytes[HELLO_ROOM];
};

struct game {
    struct scene scene;
    struct server server;
    struct hello_bytes hello;
    size_t name_at; /* where the name begins to differ from others, if no record cuts it */
    struct letter letters[256];
    uint64_t sent, seed, draws;
};

static uint64_t draw_below(struct game *g, uint64_t below)
{
    return pm_draw_below(pm_draw(g->seed, 7, 7, g->draws++), below);
}

static void arrive(struct server *s, const struct letter *l)
{
    for (size_t i = 0; i < l->len; i++) {
        size_t at = l->off + i;
        if (at < s->next || (s->has[at] && !s->keeps_last))
            continue;
        s->bytes[at] = l->bytes[i];
        s->has[at] = true;
    }
    while (s->next < HELLO_ROOM && s->has[s->next])
        s->next++;
}

static void deliver_due(struct game *g)
{
    struct pm_due due;
    while (pm_filter_due(g->scene.filter, g->scene.now_ns, &due))
        if (due.verdict == PM_ALLOW)
            arrive(&g->server, &g->letters[due.cookie % 256]);
}

/* A lie is about the name: so the rest still makes a hello. */
static void send_letter(struct game *g, size_t off, size_t len, uint8_t lie)
{
    static uint8_t ip[TALK_PACKET];
    uint64_t cookie = g->sent++;
    struct letter *l = &g->letters[cookie % 256];
    l->off = off;
    l->len = len;
    memcpy(l->bytes, g->hello.bytes + off, len);
    if (g->name_at >= off && g->name_at - off < len)
        l->bytes[g->name_at - off] ^= lie;
    struct talk_packet p = part(&g->scene, (uint32_t)off, "");
    p.client_port = g->scene.port;
    p.payload = l->bytes;
    p.payload_len = len;
    size_t ip_len = talk_build(&p, ip);
    struct pm_packet packet = {.data = ip,
                               .len = ip_len,
                               .wire_len = ip_len,
                               .link = 101,
                               .dir = PM_DIR_UNKNOWN,
                               .cookie = cookie};
    if (pm_filter_decide(g->scene.filter, &packet, g->scene.now_ns++).verdict == PM_ALLOW)
        arrive(&g->server, l);
    deliver_due(g);
}

static void begin_game(struct game *g, uint64_t seed, const char *refused, bool engine_error_drop)
{
    struct pm_builder *b = pm_builder_new();
    struct pm_value value = text(refused, 0, PM_NO_LIMIT, false);
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    value.bytes.whole = true;
    settings.engine_error_drop = engine_error_drop;
    settings.hello_ms = 600000;
    pm_builder_settings(b, &settings);
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "r",
                               .match = pm_cond_test(b, PM_FIELD_TLS_NAME, &value, 1),
                               .action = PM_ACTION_DROP,
                               .scope = PM_SCOPE_FLOW,
                           });
    memset(g, 0, sizeof *g);
    g->seed = seed;
    g->server.keeps_last = seed & 1;
    struct hello_bytes message = {.len = 0};
    put_browser(&message, "bad.example", draw_below(g, 3000));
    put_records(&g->hello, &message, 1 + draw_below(g, 2000));
    while (g->name_at + 3 < g->hello.len && memcmp(g->hello.bytes + g->name_at, "bad", 3) != 0)
        g->name_at++;
    begin_builder(&g->scene, b);
    handshake(&g->scene);
}

static void play(struct game *g, unsigned lies_in_8)
{
    for (unsigned i = 0; i < PIECES; i++) {
        size_t off = draw_below(g, 8) ? draw_below(g, g->hello.len) : 0;
        size_t most = g->hello.len - off, long_most = draw_below(g, 2) ? 1400 : 140;
        size_t len = 1 + draw_below(g, most < long_most ? most : long_most);
        send_letter(g, off, len,
                    draw_below(g, 8) < lies_in_8 ? (uint8_t)(1 + draw_below(g, 15)) : 0);
        if (draw_below(g, 4) == 0)
            ack(&g->scene, (uint32_t)g->server.next);
    }
}

/* The truth, as a stack sends it: from what its peer has on. */
static void send_rest(struct game *g)
{
    for (unsigned i = 0; i < 40 && g->server.next < g->hello.len; i++) {
        size_t off = g->server.next, left = g->hello.len - off;
        for (size_t part; left > 0; off += part, left -= part) {
            part = left < 1000 ? left : 1000;
            send_letter(g, off, part, 0);
        }
        ack(&g->scene, (uint32_t)g->server.next);
    }
}

/* The server's own reading. */
static bool has_hello(const struct server *s, const char *name)
{
    static uint8_t message[PM_TLS_MESSAGE_MAX];
    struct pm_tls_gather g = {.len = 0};
    struct pm_tls_hello hello;
    return pm_tls_gather(&g, message, s->bytes, s->next) == PM_TLS_WHOLE &&
           pm_tls_hello_read(message, g.len, false, &hello) && hello.name_len == strlen(name) &&
           memcmp(hello.name, name, hello.name_len) == 0;
}

static void end_game(struct game *g)
{
    end(&g->scene);
}

static struct game game;

static void a_refused_name_never_arrives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_game(&game, seed, "bad.example", true);
        play(&game, seed % 3 ? (unsigned)(seed % 5) : 0);
        send_rest(&game);
        if (has_hello(&game.server, "bad.example"))
            fail_msg("seed %u: the hello arrived", (unsigned)seed);
        end_game(&game);
    }
}

static void of_another_name_every_byte_arrives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_game(&game, seed, "other.example", seed & 2);
        play(&game, 0);
        send_rest(&game);
        if (game.server.next != game.hello.len || !has_hello(&game.server, "bad.example"))
            fail_msg("seed %u: %u of %u bytes arrived", (unsigned)seed, (unsigned)game.server.next,
                     (unsigned)game.hello.len);
        assert_true(pm_filter_next_ns(game.scene.filter) == UINT64_MAX);
        end_game(&game);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_name_never_arrives),
        cmocka_unit_test(of_another_name_every_byte_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
