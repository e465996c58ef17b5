/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows of the past before a policy: the facts of a `flow` event (docs/output.md), as rules_judge() put them
 * before the policy of that day. An event holds every fact that a policy may ask for; a name of a server is
 * cut there as it is in the sensor.
 */
#pragma once
#include "base/json_value.h"
#include "policy/policy.h"

/* Views are the event's. `ends` keeps the addresses for the facts. */
struct policy_facts replay_facts(const struct catalog *catalog, const json_t *event, struct ip_addr ends[2]);
/* The activities of its `im`, as bits. */
uint8_t replay_activities(const json_t *im);
/* "2026-11-20T08:56:10.071000+0000", in microseconds; 0: it is none. */
uint64_t replay_time(const char *text);
/* Is it the same that is done: action, means, pace, what is kept? Another rule with the same outcome is. */
bool replay_same(const struct policy_verdict *a, const struct policy_verdict *b);
