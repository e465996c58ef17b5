/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy says of a packet.
 *
 * Rules match a flow that does several things if one of them is listed. Here each thing is asked about alone,
 * and the strictest answer counts: a rule that allows to sign in does not let a message through that another
 * forbids.
 */
#include "enforce/forge.h"
#include "engine/endpoint_feed.h"
#include "engine/gate_parts.h"
#include <stdlib.h>

enum {
    /* What somebody does in a conversation; a flow is a conversation, or nothing but one of the last two. */
    CONVERSATION = 1 << ACTIVITY_LOGIN | 1 << ACTIVITY_PRESENCE | 1 << ACTIVITY_CHAT,
    EPISODES = 1 << ACTIVITY_FILE | 1 << ACTIVITY_CALL,
    SCAN_WAIT_MS = 60000,
};

bool gate_new(const struct gate_config *config, struct gate **out, struct imw_error_info *err)
{
    struct gate *g = calloc(1, sizeof *g);

    if (g == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the gate");
    g->config = *config;
    if (g->config.scan_wait_ms == 0)
        g->config.scan_wait_ms = SCAN_WAIT_MS;
    pthread_mutex_init(&g->lock, NULL);
    if (!slab_init(&g->buckets, sizeof(struct bucket), GATE_BUCKETS, err) ||
        !slab_init(&g->copies, QUEUE_PACKET_BYTES + 1, GATE_COPIES, err)) {
        gate_free(g);
        return false;
    }
    *out = g;
    return true;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    gate_end_held(g, NULL, g->config.fail_open);
    if (g->config.queue != NULL)
        queue_flush(g->config.queue);
    slab_fini(&g->copies);
    slab_fini(&g->buckets);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- asking ---- */

/* The strictest answer to any of these activities; none: to the flow as such. True: it is to block. */
static bool judge_each(const struct gate *g, const struct flow *f, uint8_t activities, uint64_t time_us,
                       struct stop *out)
{
    *out = (struct stop){ .judged = gate_judge(g, f, 0, time_us), .activity = -1 };
    if (activities == 0)
        return out->judged.action == POLICY_BLOCK;
    for (int a = 0; a < ACTIVITY_COUNT; a++) {
        if ((activities >> a & 1) == 0)
            continue;
        struct judgement j = gate_judge(g, f, (uint8_t)(1 << a), time_us);
        if (j.action == POLICY_BLOCK || j.throttle != 0 || out->activity < 0)
            *out = (struct stop){ .judged = j, .activity = a };
        if (j.action == POLICY_BLOCK)
            return true;
    }
    return false;
}

/* Is there something that may be done on other flows of its kind, but not on this one? */
static bool is_guarded(const struct gate *g, const struct flow *f, uint64_t time_us)
{
    for (int a = ACTIVITY_CHAT; a < ACTIVITY_COUNT; a++)
        if (gate_judge(g, f, (uint8_t)(1 << a), time_us).action == POLICY_BLOCK)
            return true;
    return false;
}

static struct view copied(char *out, size_t size, struct view v)
{
    v = view_slice(v, 0, size);
    if (v.len > 0)
        memcpy(out, v.at, v.len);
    return view_of(out, v.len);
}

static const struct im_detail *offer(struct offered *o, const struct im_detail *d)
{
    if (d == NULL)
        return NULL;
    o->detail = (struct im_detail){ .account = copied(o->account, sizeof o->account, d->account),
                                    .peer = copied(o->peer, sizeof o->peer, d->peer),
                                    .room = copied(o->room, sizeof o->room, d->room),
                                    .file = copied(o->file, sizeof o->file, d->file),
                                    .size = d->size,
                                    .outgoing = d->outgoing };
    return &o->detail;
}

bool gate_forbids(struct gate *g, const struct flow *f, uint64_t time_us, enum activity a,
                  const struct im_detail *detail)
{
    struct judgement j = gate_judge(g, f, (uint8_t)(1 << a), time_us);
    if (j.action != POLICY_BLOCK || g->config.queue == NULL)
        return false;
    g->forbidden = true;
    g->last = (struct stop){ .judged = j, .activity = (int)a, .detail = offer(&g->offered, detail) };
    return true;
}

/* ---- throttling ---- */

struct bucket *gate_bucket(const struct gate *g, const struct flow *f)
{
    const struct record *note = gate_notes(g, f);

    return note != NULL && note->gate.bucket != 0 ? slab_at(&g->buckets, note->gate.bucket) : NULL;
}

bool gate_take_share(struct bucket *b, enum flow_dir from, uint32_t bytes, uint64_t now_us)
{
    uint64_t passed = now_us > b->at_us[from] ? now_us - b->at_us[from] : 0;
    int64_t most = b->rate / 16 > 8192 ? b->rate / 16 : 8192;

    b->at_us[from] = now_us;
    b->left[from] += (int64_t)(passed < 1000000 ? passed : 1000000) * b->rate / 1000000;
    if (b->left[from] > most)
        b->left[from] = most;
    if (b->left[from] <= 0)
        return false;
    b->left[from] -= bytes; /* below zero: what the kernel joins to one packet stays one */
    return true;
}

/* True: the packet may go on now; else it waits, or, where too much does, it is dropped: TCP slows down. */
static bool take_share(struct gate *g, const struct gate_packet *p)
{
    struct bucket *b = gate_bucket(g, p->flow);
    uint64_t waiting;

    if (b == NULL || p->packet->payload_len == 0)
        return true;
    waiting = gate_paces(g, p->flow, p->from);
    if (waiting == 0 && gate_take_share(b, p->from, p->packet->payload_len, p->packet->time_us))
        return true;
    if (waiting < b->rate / 2 && gate_hold(g, p, true, false))
        return false;
    gate_count(g, COUNT_GATE_THROTTLED);
    gate_drop(g, p, false);
    return false;
}

static void set_throttle(struct gate *g, const struct gate_packet *p, const struct stop *s)
{
    struct record *note = g->config.note(g->config.context, p->flow);

    if (note == NULL)
        return;
    if (s->judged.throttle == 0) {
        if (note->gate.bucket != 0)
            slab_put(&g->buckets, note->gate.bucket);
        note->gate.bucket = 0;
        return;
    }
    if (note->gate.bucket == 0) {
        note->gate.bucket = slab_get(&g->buckets);
        if (note->gate.bucket == 0) {
            struct stop full = *s;
            full.reason = "too many flows are throttled: this one is not";
            gate_tell(g, p->flow, p->packet->time_us, &full, ENFORCED_FAILED);
            return;
        }
        *(struct bucket *)slab_at(&g->buckets, note->gate.bucket) = (struct bucket){ .rate = 0 };
        if (p->queued != NULL)
            gate_tell(g, p->flow, p->packet->time_us, s, ENFORCED_THROTTLED);
    }
    ((struct bucket *)slab_at(&g->buckets, note->gate.bucket))->rate = s->judged.throttle;
}

/* ---- one packet ---- */

/* A packet of DNS: each question is judged by the service of its name. */
static void judge_name(struct gate *g, const struct gate_packet *p)
{
    const struct inspect_outcome *o = p->outcome;
    struct stop s;
    struct flow asked = *p->flow;

    if (g->config.endpoints != NULL && p->from == FROM_SERVER)
        endpoint_feed_passed(g->config.endpoints, p->flow, p->packet->time_us);

    asked.activities = 1 << ACTIVITY_LOOKUP;
    for (unsigned i = 0; o != NULL && i < o->asked_count; i++) {
        asked.service = o->asked[i];
        if (!judge_each(g, &asked, asked.activities, p->packet->time_us, &s))
            continue;
        if (p->packet->l4 == L4_UDP && p->queued != NULL)
            gate_refuse_name(g, p, &asked, &s);
        else
            gate_block(g, p, &s);
        return;
    }
    gate_accept(g, p, false);
}

/* Why this file cannot be scanned though it should be; NULL: it can, or need not. */
static const char *unscannable(const struct gate *g, const struct gate_packet *p, uint8_t told)
{
    uint16_t app = p->flow->app;

    if (g->unscannable != NULL)
        return g->unscannable;
    if ((told >> ACTIVITY_FILE & 1) == 0 ||
        gate_judge(g, p->flow, 1 << ACTIVITY_FILE, p->packet->time_us).action != POLICY_SCAN)
        return NULL;
    if (app == PROTOCOL_TLS || app == PROTOCOL_QUIC)
        return "encrypted";
    return g->config.files ? NULL : "no scanner is configured";
}

/* True: it was stopped. */
static bool judge_scan(struct gate *g, const struct gate_packet *p, uint8_t told)
{
    char reason[96];
    const char *why = unscannable(g, p, told);

    if (why == NULL || p->queued == NULL)
        return false;
    struct text t = TEXT(reason);
    text_format(&t, "not scanned: %s", why);
    struct stop s = { .judged = gate_judge(g, p->flow, 1 << ACTIVITY_FILE, p->packet->time_us),
                      .activity = ACTIVITY_FILE,
                      .reason = reason };
    gate_count(g, COUNT_GATE_UNSCANNED);
    if (gate_block_unscanned(g)) {
        gate_block(g, p, &s);
        return true;
    }
    gate_tell(g, p->flow, p->packet->time_us, &s, ENFORCED_PASSED);
    return false;
}

/* The policy's word on what this packet brought to light. True: it was stopped. */
static bool judge(struct gate *g, const struct gate_packet *p)
{
    struct flow *f = p->flow;
    const struct inspect_outcome *o = p->outcome;
    bool anew = f->gate == FLOW_UNJUDGED || p->changed;
    uint8_t told = o != NULL ? (uint8_t)(o->told & ~o->refused) : 0, ask = told;
    struct stop s;

    if (anew) {
        uint8_t so_far = f->activities;
        if (o != NULL)
            so_far &= (uint8_t)~o->refused;
        if ((so_far & CONVERSATION) != 0)
            so_far &= (uint8_t)~EPISODES; /* what was there of these is over */
        ask |= so_far;
    }
    if (!anew && ask == 0)
        return judge_scan(g, p, 0);
    if (judge_each(g, f, ask, p->packet->time_us, &s)) {
        gate_block(g, p, &s);
        return true;
    }
    if (anew) {
        f->gate = is_guarded(g, f, p->packet->time_us) ? FLOW_GUARDED : FLOW_PASSES;
        if (g->config.endpoints != NULL)
            endpoint_feed_passed(g->config.endpoints, f, p->packet->time_us);
    }
    if (s.judged.throttle != 0 || anew)
        set_throttle(g, p, &s);
    return judge_scan(g, p, told);
}

/* It holds nothing that a message or a file is made of, and what it acknowledges is waited for. */
static bool is_bare(const struct packet *p)
{
    return p->payload_len == 0 && (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
}

/* There is no room for what should wait. True: that was its verdict; else it passes. */
static bool no_room(struct gate *g, const struct gate_packet *p)
{
    struct flow *f = p->flow;
    bool for_scan = gate_waits_for_scan(g, f), behind = gate_holds(g, f, p->from);
    bool report = for_scan && g->config.fail_open && !gate_block_unscanned(g);
    struct stop s = {
        .judged = gate_judge(g, f, for_scan ? 1 << ACTIVITY_FILE : f->activities, p->packet->time_us),
        .activity = for_scan ? ACTIVITY_FILE : -1,
        .reason = for_scan ? "not scanned: too many packets wait" : "too much waits for the end of a message"
    };

    if (for_scan && behind && p->packet->l4 == L4_TCP) { /* it comes again, and the sender slows down */
        gate_drop(g, p, false);
        return true;
    }
    if (for_scan)
        gate_count(g, COUNT_GATE_UNSCANNED);
    else if (g->config.fail_open)
        return false;
    if (report) {
        gate_forget_scans(g, f, true);
        gate_tell(g, f, p->packet->time_us, &s, ENFORCED_PASSED);
        return false;
    }
    gate_block(g, p, &s);
    return true;
}

static void let_pass(struct gate *g, const struct gate_packet *p)
{
    const struct inspect_outcome *o = p->outcome;
    bool piece = o != NULL && o->midway && p->flow->gate == FLOW_GUARDED;

    if (p->queued == NULL)
        return;
    if (gate_is_unread(g, o)) {
        gate_drop(g, p, false);
        return;
    }
    if (o != NULL && o->spoil_count > 0 && g->forbidden) /* else it is sent again, and was told */
        gate_tell(g, p->flow, p->packet->time_us, &g->last, ENFORCED_SPOILED);
    if (!is_bare(p->packet)) {
        if (piece || gate_waits_for_scan(g, p->flow)) {
            if (gate_hold(g, p, false, piece) || no_room(g, p))
                return;
        } else if (gate_holds(g, p->flow, p->from)) {
            gate_release(g, p->flow, p->from); /* the message is whole, and nothing in it is forbidden */
        }
    }
    if (!take_share(g, p))
        return;
    if (o != NULL && o->spoil_count > 0) {
        gate_spoil(g, p);
        return;
    }
    gate_accept(g, p,
                p->flow->state == FLOW_SETTLED && gate_bucket(g, p->flow) == NULL &&
                    !gate_holds(g, p->flow, FROM_CLIENT) && !gate_holds(g, p->flow, FROM_SERVER));
}

static void block_because(struct gate *g, const struct gate_packet *p, const char *reason)
{
    struct stop s = { .judged = gate_judge(g, p->flow, EPISODES, p->packet->time_us),
                      .activity = -1,
                      .reason = reason };

    gate_block(g, p, &s);
}

/* Bytes are sent again and differ: what was read here is not what the other end takes. */
static bool is_conflict(const struct gate *g, const struct gate_packet *p)
{
    return (p->flow->flags & FLOW_CONFLICT) != 0 && p->queued != NULL &&
           (p->flow->gate == FLOW_GUARDED || gate_has_scans(g, p->flow));
}

bool gate_is_unread(const struct gate *g, const struct inspect_outcome *o)
{
    return o != NULL && (o->unread || (o->full && !g->config.fail_open));
}

void gate_packet(struct gate *g, const struct rules *rules, const struct gate_packet *p)
{
    struct flow *f = p->flow;

    g->rules = rules;
    gate_count(g, COUNT_GATE_PACKETS);
    if (p->queued != NULL && p->from == FROM_SERVER && (p->packet->tcp_flags & TCP_SYN) != 0)
        f->scale = (uint8_t)(forge_window_scale(p->queued->frame.data, p->packet) & 15);
    if (f->gate == FLOW_BLOCKED)
        gate_block_again(g, p);
    else if (f->app == PROTOCOL_DNS)
        judge_name(g, p);
    else if (f->service == 0)
        gate_accept(g, p, f->state == FLOW_SETTLED);
    else if (p->outcome != NULL && p->outcome->cut && g->forbidden)
        gate_block(g, p, &g->last);
    else if (p->outcome != NULL && p->outcome->cut && p->queued != NULL)
        block_because(g, p, "too much of it is sent again that was made void");
    else if (is_conflict(g, p))
        block_because(g, p, "TCP bytes were sent again and differ");
    else if (!judge(g, p))
        let_pass(g, p);
    g->forbidden = false;
    g->unscannable = NULL;
}
