/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of RADIUS accounting: the input is a packet. What is read of it lies in it, and is bounded. */
#include "sensor/radius_packet.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct radius_request q;
    uint8_t answer[RADIUS_HEADER_BYTES], sum = 0;
    struct view packet = view_of(data, size);

    if (!radius_read(packet, &q))
        return 0;
    for (size_t i = 0; i < q.user.len; i++) /* all of it can be read */
        sum = (uint8_t)(sum + q.user.at[i]);
    if (q.addresses > RADIUS_ADDRESSES || q.user.len > 253 || (sum != 0 && q.user.len == 0))
        abort();
    (void)radius_is_authentic(packet, VIEW("secret"));
    if (!radius_answer(&q, VIEW("secret"), answer) || answer[1] != q.identifier)
        abort();
    return 0;
}
