/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How something is stopped.
 *
 * What goes towards the receiver takes the place of the packet that is stopped: so it has the very next
 * sequence number, and finds its way over a bridge too. What goes back to the sender is sent by a raw socket.
 */
#include "enforce/forge.h"
#include "enforce/mark.h"
#include "enforce/page.h"
#include "enforce/passive.h"
#include "engine/endpoint_feed.h"
#include "engine/engine.h"
#include "engine/gate_parts.h"
#include <string.h>

enum {
    SEGMENT_BYTES = 1200, /* of payload: no path carries less in one */
    SMALL_PACKET_BYTES = 1600,
};

unsigned gate_generation(unsigned first, const struct rules *rules)
{
    return (unsigned)((first + rules->serial - 2) % MARK_GENERATIONS) + 1;
}

/* The packet's mark: what others have in it stays. */
static uint32_t mark(const struct gate *g, const struct queued *q, uint32_t verdict)
{
    return (q->mark & ~MARK_MASK) | mark_of(gate_generation(g->config.generation, g->rules), verdict);
}

void gate_tell(struct gate *g, const struct flow *f, uint64_t time_us, const struct stop *s,
               enum enforced how)
{
    struct known_who who;
    struct activity_event where = g->config.where(g->config.context, f, time_us, &who);
    struct record *note = gate_notes(g, f);

    where.activity = s->activity >= 0 ? (enum activity)s->activity : ACTIVITY_LOOKUP;
    where.detail = s->detail;
    struct enforced_event e = {
        .where = &where, .has_activity = s->activity >= 0, .verdict = s->judged.verdict, .reason = s->reason
    };
    e.verdict.enforced = how;
    if (note != NULL) {
        note->gate.rule = (uint16_t)s->judged.verdict.number;
        note->gate.enforced = (uint8_t)how;
    }
    if (how != ENFORCED_FAILED)
        rules_note_stopped(g->rules, s->judged.verdict.number, time_us);
    g->config.enforced(g->config.context, &e);
}

/*
 * Of what a client sends no more is let on than can be compared with what it sends again. The server offers
 * more room than that, and the client would lose the end of all it sends at once, and wait for it: so the
 * server's offer is lowered. Larger packets are those of a server that itself sends much.
 */
static bool lower_window(const struct gate *g, const struct gate_packet *p)
{
    uint8_t bytes[SMALL_PACKET_BYTES];
    size_t len = p->queued->frame.data.len;

    if (p->from != FROM_SERVER || p->flow->scale == 0 || (p->packet->tcp_flags & TCP_SYN) != 0 ||
        len > sizeof bytes || len != p->queued->frame.wire_len)
        return false;
    memcpy(bytes, p->queued->frame.data.at, len);
    if (!forge_window(bytes, len, p->packet, (uint16_t)(INSPECT_WINDOW_BYTES >> p->flow->scale)))
        return false;
    queue_replace(g->config.queue, p->queued->id, 0, view_of(bytes, len));
    return true;
}

void gate_accept(struct gate *g, const struct gate_packet *p, bool settled)
{
    if (p->queued == NULL)
        return;
    if (gate_is_unread(g, p->outcome)) {
        gate_drop(g, p, false);
        return;
    }
    /* A tunnel is one connection of the kernel's, and holds many flows. */
    bool for_good = settled && p->packet->tunnels == 0;
    if (for_good) {
        gate_count(g, COUNT_GATE_SETTLED);
        if (g->config.endpoints != NULL)
            endpoint_feed_passed(g->config.endpoints, p->flow, p->packet->time_us);
        p->flow->bypassed = g->config.connections != NULL;
    } else if (p->flow->state == FLOW_INSPECT && lower_window(g, p)) {
        return;
    }
    queue_accept(g->config.queue, p->queued->id, for_good ? mark(g, p->queued, MARK_PASS) : 0);
}

void gate_drop(struct gate *g, const struct gate_packet *p, bool for_good)
{
    if (p->queued == NULL)
        return;
    gate_count(g, COUNT_GATE_DROPPED);
    if (for_good && p->packet->tunnels == 0)
        queue_accept(g->config.queue, p->queued->id,
                     mark(g, p->queued, MARK_DROP)); /* the rule behind the queue drops it */
    else
        queue_drop(g->config.queue, p->queued->id);
}

void gate_pass(struct gate *g, const struct queued *q)
{
    queue_accept(g->config.queue, q->id, 0);
}

/* ---- what is sent back ---- */

static bool send_back(struct gate *g, const struct queued *q, const uint8_t *bytes, size_t len)
{
    static const uint8_t none[6] = { 0 };
    bool sent = false;

    if (len == 0 || g->config.inject == NULL)
        return false;
    if (!g->config.bridge)
        sent = inject_routed(g->config.inject, view_of(bytes, len));
    else if (q != NULL && memcmp(q->mac, none, 6) != 0)
        sent = inject_on(g->config.inject, q->phys_in != 0 ? q->phys_in : q->in, q->mac, view_of(bytes, len));
    gate_count(g, sent ? COUNT_GATE_FORGED : COUNT_GATE_FORGED_FAILED);
    return sent;
}

/* The packet `id` becomes a reset to its receiver, or, where none can be made, is dropped. */
static void reset_receiver(struct gate *g, uint32_t id, const struct packet *p)
{
    uint8_t bytes[FORGE_BYTES];
    bool opens = (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN; /* the receiver knows of nothing */
    size_t len = opens ? 0 : forge_reset(p, FORGE_TO_RECEIVER, false, bytes);

    gate_count(g, COUNT_GATE_DROPPED);
    /* What the kernel joined from several segments cannot become less than one. */
    bool joined = p->payload_len > SEGMENT_BYTES && !g->config.bridge;
    if (joined)
        (void)send_back(g, NULL, bytes, len);
    if (len == 0 || joined) {
        queue_drop(g->config.queue, id);
        return;
    }
    gate_count(g, COUNT_GATE_FORGED);
    queue_replace(g->config.queue, id, 0, view_of(bytes, len));
}

static void reset_sender(struct gate *g, const struct gate_packet *p)
{
    uint8_t bytes[FORGE_BYTES];

    (void)send_back(g, p->queued, bytes, forge_reset(p->packet, FORGE_TO_SENDER, false, bytes));
}

/* Did the client just ask for a page in clear HTTP? */
static bool is_request(const struct gate_packet *p)
{
    return p->flow->app == PROTOCOL_HTTP && p->from == FROM_CLIENT && p->packet->payload.len > 0 &&
           p->packet->tunnels == 0;
}

static bool answer_page(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    const struct policy_enforce *told = policy_enforce(g->rules->policy);
    const struct page_facts facts = {
        .service = catalog_service(g->rules->catalog, p->flow->service)->name,
        .rule = s->judged.verdict.rule,
        .contact = told->contact,
        .sign = told->sign,
        .flow_id = flow_number(p->flow),
    };
    char page[FORGE_ANSWER_BYTES];
    uint8_t bytes[FORGE_BYTES];
    size_t len = page_make(told->page_text, &facts, page);

    return send_back(g, p->queued, bytes, forge_answer(p->packet, view_of(page, len), bytes));
}

/* ---- stopping ---- */

static enum enforced stop_tcp(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    enum enforced how = ENFORCED_RESET;
    enum policy_means means = s->judged.means;

    if (p->packet->tunnels > 0 || means == POLICY_MEANS_DROP) {
        gate_drop(g, p, true);
        return ENFORCED_DROPPED;
    }
    if (means == POLICY_MEANS_AUTO && is_request(p) && answer_page(g, p, s))
        how = ENFORCED_PAGE;
    else if (means == POLICY_MEANS_UNREACHABLE) {
        uint8_t bytes[FORGE_BYTES];
        how = ENFORCED_UNREACHABLE;
        (void)send_back(g, p->queued, bytes, forge_unreachable(p->queued->frame.data, bytes));
    } else {
        reset_sender(g, p);
    }
    reset_receiver(g, p->queued->id, p->packet);
    return how;
}

static enum enforced stop_udp(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    uint8_t bytes[FORGE_BYTES];
    bool refused = s->judged.means != POLICY_MEANS_DROP && p->packet->tunnels == 0 &&
                   send_back(g, p->queued, bytes, forge_unreachable(p->queued->frame.data, bytes));

    gate_drop(g, p, false); /* until its sender has heard: gate_block_again() */
    return refused ? ENFORCED_UNREACHABLE : ENFORCED_DROPPED;
}

/* Beside the wire. NULL: it was reset; else why not. */
static const char *reset_passively(struct gate *g, const struct gate_packet *p)
{
    static const char *const why[] = {
        [PASSIVE_DONE] = NULL,
        [PASSIVE_NONE] = "only TCP can be reset from beside",
        [PASSIVE_PROTECTED] = "an end lies in a network that is never reset",
        [PASSIVE_LIMITED] = "more resets a second than are allowed",
        [PASSIVE_FAILED] = "no reset could be sent",
    };
    enum passive_answer answer = passive_reset(g->config.passive, p->packet, &p->flow->key.addr[FROM_CLIENT]);

    gate_count(g, answer == PASSIVE_DONE ? COUNT_GATE_FORGED : COUNT_GATE_FORGED_FAILED);
    return why[answer];
}

static void stop_passively(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    struct stop told = *s;
    const char *why = reset_passively(g, p);

    if (why == NULL && g->config.dry_run)
        why = "a dry run: nothing was sent";
    if (why != NULL)
        told.reason = why;
    gate_tell(g, p->flow, p->packet->time_us, &told, why != NULL ? ENFORCED_FAILED : ENFORCED_RESET);
}

void gate_block(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    bool first = p->flow->gate != FLOW_BLOCKED;

    p->flow->gate = FLOW_BLOCKED;
    if (first)
        gate_count(g, COUNT_GATE_BLOCKED);
    if (first && g->config.endpoints != NULL && p->packet->tunnels == 0)
        endpoint_feed_blocked(g->config.endpoints, g->rules, p->flow,
                              g->config.note(g->config.context, p->flow), p->packet->time_us);
    if (p->queued == NULL) {
        stop_passively(g, p, s);
        return;
    }
    gate_forget_scans(g, p->flow, false);
    if (gate_holds(g, p->flow, p->from)) { /* what the receiver waits for is among them */
        gate_drop(g, p, false);
        gate_block_held(g, p->flow, p, s, p->packet->time_us);
        return;
    }
    gate_end_held(g, p->flow, false); /* the other direction's: no byte more arrives there */
    gate_tell(g, p->flow, p->packet->time_us, s,
              p->packet->l4 == L4_TCP ? stop_tcp(g, p, s) : stop_udp(g, p, s));
}

void gate_block_held(struct gate *g, struct flow *f, const struct gate_packet *p, const struct stop *s,
                     uint64_t now_us)
{
    uint8_t bytes[FORGE_BYTES];
    struct held first;
    enum enforced how = ENFORCED_DROPPED;

    if (f->gate != FLOW_BLOCKED)
        gate_count(g, COUNT_GATE_BLOCKED);
    f->gate = FLOW_BLOCKED;
    gate_forget_scans(g, f, false);
    if (gate_discard(g, f, &first)) {
        bool resets =
            first.packet.l4 == L4_TCP && first.packet.tunnels == 0 && s->judged.means != POLICY_MEANS_DROP;
        if (resets && p != NULL && p->from == first.from) { /* it knows best what its sender has received */
            reset_sender(g, p);
            how = ENFORCED_CUT;
        } else if (resets && !g->config.bridge) {
            (void)send_back(g, NULL, bytes, forge_reset(&first.packet, FORGE_TO_SENDER, false, bytes));
            how = ENFORCED_CUT;
        }
        if (resets) {
            reset_receiver(g, first.id, &first.packet);
        } else {
            gate_count(g, COUNT_GATE_DROPPED);
            queue_drop(g->config.queue, first.id);
        }
    }
    gate_tell(g, f, now_us, s, s->activity == ACTIVITY_FILE ? ENFORCED_CUT : how);
}

void gate_block_again(struct gate *g, const struct gate_packet *p)
{
    struct record *note = g->config.note(g->config.context, p->flow);
    uint8_t bytes[FORGE_BYTES];

    if (p->queued == NULL) {
        (void)reset_passively(g, p);
        return;
    }
    /* An end that closes in its own name may. */
    if (p->packet->l4 == L4_TCP && (p->packet->tcp_flags & TCP_RST) != 0 && p->packet->payload_len == 0) {
        queue_accept(g->config.queue, p->queued->id, 0);
        return;
    }
    /* The page arrives, and a reset would take away what its reader has not read of it yet. */
    if (note != NULL && note->gate.enforced == ENFORCED_PAGE && p->packet->payload_len == 0 &&
        (p->packet->tcp_flags & TCP_FIN) == 0) {
        gate_drop(g, p, false);
        return;
    }
    bool tired = note == NULL || note->gate.tries >= GATE_TRIES;
    if (!tired)
        note->gate.tries++;
    if (!tired && note->gate.enforced != ENFORCED_DROPPED && p->packet->tunnels == 0) {
        if (p->packet->l4 == L4_TCP)
            reset_sender(g, p);
        else
            (void)send_back(g, p->queued, bytes, forge_unreachable(p->queued->frame.data, bytes));
    }
    gate_drop(g, p, tired);
}

void gate_refuse_name(struct gate *g, const struct gate_packet *p, const struct flow *asked,
                      const struct stop *s)
{
    uint8_t bytes[FORGE_BYTES];
    bool answered = s->judged.means == POLICY_MEANS_AUTO &&
                    send_back(g, p->queued, bytes, forge_no_such_name(p->packet, bytes));

    gate_count(g, COUNT_GATE_NAMES_REFUSED);
    gate_drop(g, p, false);
    gate_tell(g, asked, p->packet->time_us, s, answered ? ENFORCED_NO_NAME : ENFORCED_DROPPED);
}

size_t gate_overwrite(const struct gate_packet *p, uint8_t out[QUEUE_PACKET_BYTES])
{
    const struct inspect_outcome *o = p->outcome;
    size_t len = p->queued->frame.data.len;

    if (len > QUEUE_PACKET_BYTES || len != p->queued->frame.wire_len) /* cut by the kernel */
        return 0;
    memcpy(out, p->queued->frame.data.at, len);
    for (unsigned i = 0; i < o->spoil_count; i++)
        if (!forge_overwrite(out, len, p->packet, o->spoils[i].offset, o->spoils[i].count, o->spoils[i].with))
            return 0;
    return len;
}

void gate_spoil(struct gate *g, const struct gate_packet *p)
{
    uint8_t bytes[QUEUE_PACKET_BYTES];
    size_t len = gate_overwrite(p, bytes);

    if (len == 0) {
        struct stop s = { .judged = gate_judge(g, p->flow, 1 << ACTIVITY_FILE, p->packet->time_us),
                          .activity = -1,
                          .reason = "it cannot be made void" };
        gate_block(g, p, g->forbidden ? &g->last : &s);
        return;
    }
    gate_count(g, COUNT_GATE_SPOILED);
    queue_replace(g->config.queue, p->queued->id, 0, view_of(bytes, len));
}
