/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside machines shown to the outside by direct connections. FIL-84-2004: file transfer and some chats go
 * from machine to machine, past the server, so that strangers learn inside addresses and reach inside
 * machines.
 *
 * Reasoning. A direct leg (delivery `peer`) between one of our addresses and one that is not: opened from
 * outside it is medium, since a machine of ours listens to strangers; opened from inside it is low. An offer
 * to send a file directly, from inside through a server outside, tells the machine's address whether the leg
 * comes or not: low. Calls are left out: their media go directly wherever that is possible, and the policy
 * judges calls.
 *
 * Ours are private addresses and those of the policy; without the latter a network of public addresses is not
 * known. Cannot know: which addresses an encrypted offer names; whether a NAT changed them on the way.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { OPENED_FROM_OUTSIDE, OPENED_FROM_INSIDE, OFFERED };

extern const struct detector detector_exposed;

struct exposed {
    struct threat_world world;
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct exposed *e = calloc(1, sizeof *e);

    (void)settings;
    if (e == NULL)
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of exposed addresses");
    else
        e->world = *world;
    return e;
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    const struct exposed *e = state;
    const struct flow *f = s->flow;
    bool ours[2] = { is_ours(&e->world, &f->key.addr[FROM_CLIENT]),
                     is_ours(&e->world, &f->key.addr[FROM_SERVER]) };
    const unsigned carried = f->activities & ~(1u << ACTIVITY_CALL);

    if (f->delivery != DELIVERY_PEER || f->service == 0 || ours[0] == ours[1] || carried == 0 ||
        f->packets[FROM_CLIENT] == 0 || f->packets[FROM_SERVER] == 0) /* nobody answered */
        return;
    bool from_inside = ours[FROM_CLIENT];
    const struct ip_addr *inner = &f->key.addr[from_inside ? FROM_CLIENT : FROM_SERVER],
                         *outer = &f->key.addr[from_inside ? FROM_SERVER : FROM_CLIENT];
    struct report r;
    report_begin(&r, &detector_exposed, from_inside ? OPENED_FROM_INSIDE : OPENED_FROM_OUTSIDE,
                 from_inside ? SEVERITY_LOW : SEVERITY_MEDIUM,
                 from_inside ? "direct IM connection to the outside"
                             : "direct IM connection from the outside",
                 from_inside ? "it passes by the server and whatever checks there; the other side learns an "
                               "address of ours"
                             : "a machine of ours accepts connections of strangers",
                 from_inside ? "allow file transfer through servers only"
                             : "close the port at the firewall; allow file transfer through servers only");
    report_seen(&r, "%s and %s talked %s directly, %llu bytes", show_address(inner).text,
                show_address(outer).text, service_of(s),
                (unsigned long long)(f->payload[FROM_CLIENT] + f->payload[FROM_SERVER]));
    report_ends(&r, s);
    report_evidence(&r, "inside", "%s", show_address(inner).text);
    report_evidence(&r, "outside", "%s", show_address(outer).text);
    report_subject(&r, "%s %s", show_address(inner).text, show_address(outer).text);
    report_raise(&r, t, s);
}

static void on_activity(void *state, struct threats *t, const struct scene *s, enum activity a,
                        const struct im_detail *d)
{
    const struct exposed *e = state;
    struct report r;

    if (a != ACTIVITY_FILE || d == NULL || !d->outgoing || s->flow == NULL ||
        s->flow->delivery != DELIVERY_SERVER_BROKER)
        return;
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT];
    if (!is_ours(&e->world, client) || is_ours(&e->world, &s->flow->key.addr[FROM_SERVER]))
        return;
    report_begin(
        &r, &detector_exposed, OFFERED, SEVERITY_LOW, "inside address told in a file offer",
        "the offer names the address at which the sender waits, and the server and the receiver read it",
        "allow file transfer through servers only");
    report_seen(&r, "%s offered \"%s\" to %s for a direct transfer, through a server outside",
                show_address(client).text, show_text(d->file).text, show_text(d->peer).text);
    report_ends(&r, s);
    report_evidence(&r, "file", "%s", show_text(d->file).text);
    report_evidence(&r, "to", "%s", show_text(d->peer).text);
    report_subject(&r, "%s %s", show_address(client).text, service_of(s));
    report_raise(&r, t, s);
}

const struct detector detector_exposed = {
    .name = "exposed",
    .id = 5800,
    .help = "inside machines shown to the outside by direct connections and offers",
    .start = start,
    .stop = free,
    .on_activity = on_activity,
    .on_flow = on_flow,
};
