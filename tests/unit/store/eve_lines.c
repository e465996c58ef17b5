/* SPDX-License-Identifier: Apache-2.0 */
#include "store/eve_lines.h"
#include "base/text.h"
#include "store/event_parts.h"

unsigned lines_random(struct lines_world *w, unsigned below)
{
    w->state = w->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((w->state >> 33) % below);
}

/* The first 8 are the small world's. */
static const char *const services[] = { "whatsapp", "telegram",  "signal",     "oscar",     "irc",
                                        "wechat",   "line",      "viber",      "discord",   "slack",
                                        "teams",    "skype",     "kakaotalk",  "qq",        "zalo",
                                        "threema",  "wire",      "xmpp",       "matrix",    "google-chat",
                                        "icq",      "gadu-gadu", "mattermost", "teamspeak", "session" };
static const char *const protocols[] = { "whatsapp-noise",
                                         "mtproto",
                                         "tls",
                                         "oscar",
                                         "irc",
                                         "mmtls",
                                         "tls",
                                         "viber",
                                         "tls",
                                         "tls",
                                         "tls",
                                         "tls",
                                         "tls",
                                         "qq",
                                         "tls",
                                         "tls",
                                         "tls",
                                         "xmpp",
                                         "tls",
                                         "tls",
                                         "oscar",
                                         "gg",
                                         "tls",
                                         "teamspeak",
                                         "tls" };
static const char *const actions[] = { "alert", "allow", "block", "alert", "scan" };
static const char *const states[] = { "clean", "clean", "infected", "not-scanned" };

static void head(struct lines_world *w, struct text *t, const char *kind, unsigned client, unsigned service,
                 bool udp)
{
    char when[32];
    uint64_t from = w->from_us != 0 ? w->from_us : LINES_START_US;
    unsigned seconds = w->from_us != 0 ? w->seconds : w->days * 86400;
    uint64_t at = from + (uint64_t)lines_random(w, seconds) * 1000000 + lines_random(w, 1000000);

    time_text((int64_t)at, when);
    text_format(
        t,
        "{\"timestamp\":\"%.26s+0000\",\"flow_id\":%llu,\"event_type\":\"%s\",\"src_ip\":\"10.20.%u.%u\","
        "\"src_port\":%u,\"dest_ip\":\"203.0.%u.%u\",\"dest_port\":%u,\"proto\":\"%s\",\"community_id\":"
        "\"1:4dxtSD8iTKfPcLqOnZlSAXEOaSo=\",\"app_proto\":\"%s\"",
        when, 1000000ull + lines_random(w, 1 << 30), kind, client / 200, client % 200 + 1,
        49152 + lines_random(w, 16000), service, 1 + lines_random(w, 40), lines_random(w, 8) == 0 ? 80 : 5222,
        udp ? "UDP" : "TCP", protocols[service]);
    if (client % 3 != 0)
        text_format(
            t,
            ",\"src_who\":{\"user\":\"user%u\",\"user_source\":\"kerberos\",\"user_age\":33,\"host\":\"pc-%u\"}",
            client, client);
}

/* Few of many: the square of a fraction. */
static unsigned skewed(struct lines_world *w, unsigned below)
{
    uint64_t a = lines_random(w, 1 << 20), b = lines_random(w, 1 << 20), least = a < b ? a : b;

    return (unsigned)((least * least >> 20) * below >> 20);
}

/* Each has up to five services, most of the time the first of them; which, is skewed too. */
static unsigned favourite(struct lines_world *w, unsigned client)
{
    struct lines_world own = { .state = client * 977u + 13 };
    unsigned which = skewed(w, 5), service = 0;

    for (unsigned i = 0; i <= which; i++)
        service = skewed(&own, 25);
    return service;
}

static void verdict(struct lines_world *w, struct text *t, unsigned service)
{
    /* A policy says nearly always the same of a service. */
    unsigned n = w->lifelike && lines_random(w, 20) != 0 ? service * 7 % 5 : lines_random(w, 5);
    static const char *const enforced[] = { "", ",\"enforced\":\"reset\"", ",\"enforced\":\"passed\"" };

    text_format(t,
                ",\"verdict\":{\"action\":\"%s\",\"rule\":\"rule %u\",\"policy\":\"2026-11-5f2d03c8a1b7\"%s}",
                actions[n], n, enforced[n == 2 ? 1 + lines_random(w, 2) : 0]);
}

static void flow(struct lines_world *w, struct text *t, unsigned client, unsigned service)
{
    bool lookup = lines_random(w, 5) == 0;

    head(w, t, "flow", client, service, lookup);
    text_format(
        t,
        ",\"flow\":{\"pkts_toserver\":13,\"pkts_toclient\":11,\"bytes_toserver\":%u,\"bytes_toclient\":%u,"
        "\"start\":\"2026-11-20T08:56:02.000000+0000\",\"end\":\"2026-11-20T08:56:10.071000+0000\",\"age\":8,"
        "\"reason\":\"closed\"},\"tls\":{\"sni\":\"s%u.%s.example\",\"ja4\":\"t13d1516h2_8daaf6152771_e5627efa2ab1\"}",
        lines_random(w, 100000), lines_random(w, 1000000), lines_random(w, 30), services[service]);
    text_format(
        t,
        ",\"im\":{\"service\":\"%s\",\"vendor\":\"Vendor %u\",\"class\":\"im\",\"protocol\":\"%s\",\"delivery\":"
        "\"server-proxy\",\"activity\":[%s],\"confidence\":100,\"port_agile\":%s,\"evidence\":[{\"kind\":\"sni\","
        "\"value\":\"s.%s.example\",\"catalog\":\"%s\",\"worth\":100}],\"inspection\":\"end-to-end-encrypted\"}",
        services[service], service, protocols[service], lookup ? "\"lookup\"" : "\"login\",\"chat\"",
        !lookup && lines_random(w, 20) == 0 ? "true" : "false", services[service], services[service]);
    verdict(w, t, service);
}

size_t lines_make(struct lines_world *w, char *out, size_t size)
{
    struct text t = text_over(out, size);
    unsigned client = w->lifelike ? skewed(w, w->clients) : lines_random(w, w->clients),
             service = w->lifelike ? favourite(w, client) : lines_random(w, 8), kind = lines_random(w, 10);

    if (w->lifelike && kind >= 7 && lines_random(w, 3) != 0)
        kind = 0; /* most are flows */
    if (kind < 7) {
        flow(w, &t, client, service);
    } else if (kind == 7) {
        head(w, &t, "im", client, service, false);
        text_format(
            &t,
            ",\"im\":{\"service\":\"%s\",\"protocol\":\"%s\",\"activity\":\"%s\",\"direction\":\"out\",\"account\":"
            "\"nick%u\",\"peer\":\"friend%u\"%s}",
            services[service], protocols[service], lines_random(w, 3) == 0 ? "presence" : "chat", client,
            lines_random(w, 50), lines_random(w, 4) == 0 ? ",\"again\":true" : "");
    } else if (kind == 8) {
        head(w, &t, "fileinfo", client, service, false);
        text_format(
            &t,
            ",\"fileinfo\":{\"filename\":\"invoice-%u.pdf\",\"state\":\"CLOSED\",\"sha256\":\"%064x\",\"size\":186},"
            "\"im\":{\"service\":\"%s\",\"protocol\":\"%s\",\"direction\":\"in\",\"from\":\"friend%u\",\"to\":\"nick%u\"},"
            "\"scan\":{\"state\":\"%s\"}",
            lines_random(w, 100), lines_random(w, 100), services[service], protocols[service],
            lines_random(w, 50), client, states[lines_random(w, 4)]);
    } else {
        bool policy = lines_random(w, 2) == 0;
        head(w, &t, "alert", client, service, false);
        text_format(
            &t,
            ",\"alert\":{\"action\":\"blocked\",\"gid\":1,\"signature_id\":%u,\"rev\":1,\"signature\":\"%s\","
            "\"category\":\"%s\",\"severity\":%u},\"im\":{\"service\":\"%s\",\"protocol\":\"%s\"}",
            policy ? 9002 : 4300, policy ? "policy: rule 2" : "worm spreading over buddy lists",
            policy ? "policy" : "the same link sent on", 1 + lines_random(w, 3), services[service],
            protocols[service]);
        if (!policy)
            text_format(
                &t,
                ",\"imward\":{\"detector\":\"worm\",\"seen\":\"nick%u sent it on\",\"evidence\":{\"from\":\"nick%u\"}}",
                client, client);
        verdict(w, &t, service);
    }
    text_string(&t, "}\n");
    return t.len;
}
