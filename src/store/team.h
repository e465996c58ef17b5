/* SPDX-License-Identifier: Apache-2.0 */
/* A team: the people below a manager, and those below them. */
#pragma once

/* As a list to ask in, its only argument the manager's person.id: "… and p.id in " TEAM_BELOW. */
#define TEAM_BELOW                                                                                           \
    "(with recursive team(id) as (select id from person where manager = ? union select b.id from person b "  \
    "join team on b.manager = team.id) select id from team)"
