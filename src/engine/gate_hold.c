/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that wait: for the rest of a message, or for the scanner. They are few, and looked for one by one.
 *
 * Packets of a flow that is throttled wait for their share.
 *
 * While packets of a direction wait, later ones of it wait behind them, so that their order stays. What is
 * sent again meanwhile is dropped: the first copy is here.
 */
#include "base/text.h"
#include "engine/gate_parts.h"

static bool is_again(const struct gate *g, const struct gate_packet *p)
{
    for (unsigned i = 0; i < g->held_count; i++)
        if (g->held[i].flow == p->flow && g->held[i].from == p->from && g->held[i].packet.l4 == L4_TCP &&
            g->held[i].packet.seq == p->packet->seq &&
            g->held[i].packet.payload_len >= p->packet->payload_len)
            return true;
    return false;
}

static unsigned held_of(const struct gate *g, const struct flow *f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < g->held_count; i++)
        n += g->held[i].flow == f;
    return n;
}

/* Nobody takes the room of all others. */
static bool has_share(const struct gate *g, const struct flow *f)
{
    unsigned n = 0;

    for (unsigned i = 0; g->held_count > GATE_HELD_OF_CLIENT && i < g->held_count; i++)
        n += ip_equal(&g->held[i].flow->key.addr[FROM_CLIENT], &f->key.addr[FROM_CLIENT]);
    return n < GATE_HELD_OF_CLIENT;
}

bool gate_holds(const struct gate *g, const struct flow *f, enum flow_dir from)
{
    for (unsigned i = 0; i < g->held_count; i++)
        if (g->held[i].flow == f && g->held[i].from == from && !g->held[i].paced)
            return true;
    return false;
}

uint64_t gate_paces(const struct gate *g, const struct flow *f, enum flow_dir from)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < g->held_count; i++)
        if (g->held[i].flow == f && g->held[i].from == from && g->held[i].paced)
            bytes += g->held[i].packet.payload_len;
    return bytes;
}

bool gate_hold(struct gate *g, const struct gate_packet *p, bool paced, bool piece)
{
    if (p->queued == NULL)
        return false;
    if (is_again(g, p)) {
        gate_drop(g, p, false);
        return true;
    }
    if (g->held_count == GATE_HELD_MOST || held_of(g, p->flow) >= GATE_HELD_OF_FLOW ||
        !has_share(g, p->flow)) {
        gate_count(g, COUNT_GATE_HELD_TOO_LONG);
        return false;
    }
    uint32_t copy = 0, copy_bytes = 0;
    if (p->outcome != NULL && p->outcome->spoil_count > 0) {
        copy = slab_get(&g->copies);
        copy_bytes = copy != 0 ? (uint32_t)gate_overwrite(p, slab_at(&g->copies, copy)) : 0;
        if (copy_bytes == 0) {
            if (copy != 0)
                slab_put(&g->copies, copy);
            gate_count(g, COUNT_GATE_HELD_TOO_LONG);
            return false;
        }
        gate_count(g, COUNT_GATE_SPOILED);
    }
    struct held *h = &g->held[g->held_count++];
    *h = (struct held){ .flow = p->flow,
                        .id = p->queued->id,
                        .copy = copy,
                        .copy_bytes = copy_bytes,
                        .from = p->from,
                        .paced = paced,
                        .piece = piece,
                        .since_us = p->packet->time_us,
                        .packet = *p->packet };
    h->packet.payload = view_of(NULL, 0);
    if (!paced)
        gate_count(g, COUNT_GATE_HELD);
    return true;
}

/* It goes on. */
static void let_go(struct gate *g, const struct held *h)
{
    if (h->copy == 0) {
        queue_accept(g->config.queue, h->id, 0);
        return;
    }
    queue_replace(g->config.queue, h->id, 0, view_of(slab_at(&g->copies, h->copy), h->copy_bytes));
    slab_put(&g->copies, h->copy);
}

static void let_drop(struct gate *g, const struct held *h)
{
    gate_count(g, COUNT_GATE_DROPPED);
    queue_drop(g->config.queue, h->id);
    if (h->copy != 0)
        slab_put(&g->copies, h->copy);
}

/* The first `count` of those that wait. Of a flow that is throttled they wait for their share from now on,
 * behind those that do so already. */
static void release_first(struct gate *g, const struct flow *f, enum flow_dir from, unsigned count)
{
    bool throttled = gate_bucket(g, f) != NULL;
    unsigned kept = 0;

    for (unsigned i = 0; i < g->held_count; i++) {
        struct held *h = &g->held[i];
        bool goes = i < count && h->flow == f && h->from == from && !h->paced;
        h->paced |= goes && throttled;
        if (goes && !throttled)
            let_go(g, h);
        else
            g->held[kept++] = *h;
    }
    g->held_count = kept;
}

void gate_release(struct gate *g, const struct flow *f, enum flow_dir from)
{
    release_first(g, f, from, g->held_count);
}

/* The scanner is not waited for any more; pieces of a message still wait for its end. */
static void release_scanned(struct gate *g, const struct flow *f, uint64_t now_us)
{
    for (unsigned d = 0; d < 2; d++) {
        unsigned count = 0;

        for (unsigned i = 0; i < g->held_count; i++) {
            struct held *h = &g->held[i];
            if (h->flow != f || h->from != d)
                continue;
            h->since_us = now_us;
            if (!h->piece)
                count = i + 1;
        }
        release_first(g, f, (enum flow_dir)d, count);
    }
}

void gate_end_held(struct gate *g, const struct flow *f, bool pass)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < g->held_count; i++) {
        const struct held *h = &g->held[i];
        if (f != NULL && h->flow != f)
            g->held[kept++] = *h;
        else if (pass)
            let_go(g, h);
        else
            let_drop(g, h);
    }
    g->held_count = kept;
}

bool gate_discard(struct gate *g, const struct flow *f, struct held *first)
{
    unsigned kept = 0;
    bool any = false;

    for (unsigned i = 0; i < g->held_count; i++) {
        if (g->held[i].flow != f) {
            g->held[kept++] = g->held[i];
            continue;
        }
        if (!any) {
            *first = g->held[i]; /* whoever calls decides what becomes of it */
            if (first->copy != 0)
                slab_put(&g->copies, first->copy);
        } else {
            let_drop(g, &g->held[i]);
        }
        any = true;
    }
    g->held_count = kept;
    return any;
}

/* ---- the scanner ---- */

bool gate_waits_for_scan(const struct gate *g, const struct flow *f)
{
    for (unsigned i = 0; g->scan_count > 0 && i < GATE_SCANS_MOST; i++)
        if (g->scans[i].file != 0 && g->scans[i].flow == f && g->scans[i].ended)
            return true;
    return false;
}

bool gate_has_scans(const struct gate *g, const struct flow *f)
{
    for (unsigned i = 0; g->scan_count > 0 && i < GATE_SCANS_MOST; i++)
        if (g->scans[i].file != 0 && g->scans[i].flow == f)
            return true;
    return false;
}

void gate_forget_scans(struct gate *g, const struct flow *f, bool ended)
{
    for (unsigned i = 0; g->scan_count > 0 && i < GATE_SCANS_MOST; i++)
        if (g->scans[i].file != 0 && g->scans[i].flow == f && (g->scans[i].ended || !ended)) {
            g->scans[i].file = 0;
            g->scan_count--;
        }
}

void gate_file_begin(struct gate *g, const struct flow *f, uint32_t file, uint64_t size, uint64_t time_us)
{
    if (g->config.queue == NULL || file == 0 ||
        gate_judge(g, f, 1 << ACTIVITY_FILE, time_us).action != POLICY_SCAN)
        return;
    if (size == 0 || size > g->config.file_bytes) {
        g->unscannable = size == 0 ? "its size is not announced" : "too large";
        return;
    }
    for (unsigned i = 0; i < GATE_SCANS_MOST; i++)
        if (g->scans[i].file == 0) {
            g->scans[i] = (struct scanned_file){ .file = file, .flow = f };
            g->scan_count++;
            return;
        }
    g->unscannable = "too many files at a time";
}

void gate_file_end(struct gate *g, uint32_t file)
{
    for (unsigned i = 0; g->scan_count > 0 && i < GATE_SCANS_MOST; i++)
        if (g->scans[i].file == file)
            g->scans[i].ended = true;
}

void gate_scanned(struct gate *g, uint32_t file, const struct scan_result *result)
{
    pthread_mutex_lock(&g->lock);
    if (g->answer_count < GATE_SCANS_MOST) { /* what finds no room is not waited for without end either */
        struct gate_answer *a = &g->answers[g->answer_count++];
        *a = (struct gate_answer){ .file = file, .state = result->state };
        struct text t = TEXT(a->reason);
        if (result->state == SCAN_NOT_SCANNED)
            text_format(&t, "not scanned: %s", scan_reason_text(result->reason));
        else
            text_format(&t, "%s: %s", scan_state_name(result->state), result->signature);
    }
    pthread_mutex_unlock(&g->lock);
}

bool gate_block_unscanned(const struct gate *g)
{
    return g->rules->policy != NULL && policy_enforce(g->rules->policy)->block_unscanned;
}

/* The verdict on a file came: its flow goes on when no other of its files is waited for. */
static void take_answer(struct gate *g, const struct gate_answer *a, uint64_t now_us)
{
    for (unsigned i = 0; i < GATE_SCANS_MOST; i++) {
        struct scanned_file *s = &g->scans[i];
        if (s->file != a->file)
            continue;
        struct flow *f = gate_own(s->flow);
        bool unscanned = a->state == SCAN_NOT_SCANNED;
        s->file = 0;
        g->scan_count--;
        if (unscanned)
            gate_count(g, COUNT_GATE_UNSCANNED);
        if (a->state == SCAN_CLEAN || (unscanned && !gate_block_unscanned(g))) {
            if (!gate_waits_for_scan(g, f))
                release_scanned(g, f, now_us);
            return;
        }
        struct stop stop = { .judged = gate_judge(g, f, 1 << ACTIVITY_FILE, now_us),
                             .activity = ACTIVITY_FILE,
                             .reason = a->reason };
        gate_block_held(g, f, NULL, &stop, now_us);
        return;
    }
}

static void take_answers(struct gate *g, uint64_t now_us)
{
    struct gate_answer a;

    while (atomic_load_explicit(&g->answer_count, memory_order_relaxed) > 0) {
        pthread_mutex_lock(&g->lock);
        bool any = g->answer_count > 0;
        if (any)
            a = g->answers[--g->answer_count];
        pthread_mutex_unlock(&g->lock);
        if (!any)
            return;
        take_answer(g, &a, now_us);
    }
}

/* A flow waited too long. */
static void give_up(struct gate *g, const struct flow *waiting, enum flow_dir from, bool for_scan,
                    uint64_t now_us)
{
    struct flow *f = gate_own(waiting);
    struct stop stop = {
        .judged = gate_judge(g, f, (uint8_t)(1 << (for_scan ? ACTIVITY_FILE : ACTIVITY_CHAT)), now_us),
        .activity = for_scan ? ACTIVITY_FILE : ACTIVITY_CHAT,
        .reason = for_scan ? "not scanned: the scanner took too long" : "the rest of a message did not come"
    };

    gate_count(g, for_scan ? COUNT_GATE_UNSCANNED : COUNT_GATE_HELD_TOO_LONG);
    if (for_scan)
        gate_forget_scans(g, f, true);
    if (for_scan ? gate_block_unscanned(g) : !g->config.fail_open) {
        gate_block_held(g, f, NULL, &stop, now_us);
    } else if (for_scan) {
        gate_tell(g, f, now_us, &stop, ENFORCED_PASSED);
        release_scanned(g, f, now_us);
    } else {
        gate_release(g, f, from);
    }
}

/* Packets whose flow has a share again. */
static void pace(struct gate *g, uint64_t now_us)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < g->held_count; i++) {
        const struct held *h = &g->held[i];
        struct bucket *b = h->paced ? gate_bucket(g, h->flow) : NULL;
        if (h->paced && (b == NULL || gate_take_share(b, h->from, h->packet.payload_len, now_us)))
            let_go(g, h);
        else
            g->held[kept++] = *h;
    }
    g->held_count = kept;
}

unsigned gate_tend(struct gate *g, const struct rules *rules, uint64_t now_us)
{
    uint64_t scan_wait_us = (uint64_t)g->config.scan_wait_ms * 1000;

    g->rules = rules;
    take_answers(g, now_us); /* also those that nobody waits for: there is room for so many only */
    if (g->held_count > 0)
        pace(g, now_us);
    for (unsigned i = 0; i < g->held_count;) {
        const struct held *h = &g->held[i];
        bool for_scan = gate_waits_for_scan(g, h->flow);
        if (!h->paced && h->since_us + (for_scan ? scan_wait_us : GATE_MESSAGE_WAIT_US) < now_us)
            give_up(g, h->flow, h->from, for_scan, now_us); /* which takes it out, or has it wait anew */
        else
            i++;
    }
    if (g->config.queue != NULL)
        queue_flush(g->config.queue);
    return g->held_count;
}

void gate_flow_ended(struct gate *g, const struct flow *f, const struct record *note)
{
    if (note != NULL && note->gate.bucket != 0)
        slab_put(&g->buckets, note->gate.bucket);
    gate_forget_scans(g, f, false);
    gate_end_held(g, f, g->config.fail_open);
    g->forbidden = false; /* what its end told is not of the packet at hand */
    g->unscannable = NULL;
}
