/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a mark of the kernel says of a connection: ten bits of it are ours, the others are left as they are.
 *
 *     bits 16 to 23   generation of the rules by which it was judged, 1 to 255
 *     bit 24          passes without being asked again
 *     bit 25          is dropped
 *
 * A verdict puts a mark on the packet; a rule behind the queue saves it to the connection, and drops the
 * packet where bit 25 says so. The rule before the queue knows the newest generation only: when the policy
 * changes it is replaced, and every connection comes back to be judged anew.
 */
#pragma once
#include <stdint.h>

enum { MARK_GENERATIONS = 255 };
static const uint32_t MARK_MASK = 0x03ff0000, MARK_PASS = 0x01000000, MARK_DROP = 0x02000000;

static inline uint32_t mark_of(unsigned generation, uint32_t verdict)
{
    return (uint32_t)generation << 16 | verdict;
}
