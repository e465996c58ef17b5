/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team: the people below a manager, and those below them. Finding them level by level takes longer the
 * larger a team is, so the table team has each pair of somebody and a person above them; whoever writes
 * person.manager keeps it, in the same transaction.
 */
#pragma once
#include "store/db.h"

/* As a list to ask in, its only argument the manager's person.id: "… and p.id in " TEAM_BELOW. */
#define TEAM_BELOW "(select person from team where manager = ?)"

/* All teams anew, after many managers changed. */
bool team_rebuild(struct db *db, struct imw_error_info *err) IMW_MUST_USE;
/* The teams that one person, with everybody below, left and came into when person.manager was set. */
bool team_move(struct db *db, int64_t person, struct imw_error_info *err) IMW_MUST_USE;
