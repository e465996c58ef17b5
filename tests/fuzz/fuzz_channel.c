/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the messages between opener and sensor: the first byte is the number of descriptors that
 * came along, the rest the message. */
#include "sensor/channel.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[LIVE_GRANT_FDS], *slots[LIVE_GRANT_FDS];
    struct role_message m;
    unsigned taken = 0;

    if (size == 0)
        return 0;
    unsigned count = data[0] % LIVE_GRANT_FDS;
    for (unsigned i = 0; i < count; i++)
        fds[i] = 1000 + (int)i;
    if (!channel_parse(view_of(data + 1, size - 1), fds, count, &m))
        return 0;
    if (m.type != MESSAGE_GRANT)
        return count == 0 ? 0 : (abort(), 0);
    unsigned slot_count = live_grant_fds(&m.grant, slots);
    for (unsigned i = 0; i < slot_count; i++)
        taken += *slots[i] >= 0;
    if (taken != count) /* each has a place, and none has two */
        abort();
    return 0;
}
