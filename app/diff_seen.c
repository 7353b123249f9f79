/* diff_seen.c - which packets fare differently under two rule files, for people. */
#include <inttypes.h>
#include <string.h>

#include "app/diff_text.h"

#define GROUPS_SHOWN 10u
#define FRAMES_SHOWN 3u

static const char *const verdicts[] = {[PM_ALLOW] = "allow",
                                       [PM_DROP] = "drop",
                                       [PM_DELAY] = "delay",
                                       [PM_REJECT] = "reject",
                                       [PM_ASK] = "ask"};

static void put_decision(FILE *out, const struct pm_slot_cause *cause,
                         const struct pm_policy *policy)
{
    fputs(verdicts[cause->verdict], out);
    if (cause->ended != cause->verdict)
        fprintf(out, ", then %s", verdicts[cause->ended]);
    if (cause->rule != PM_NO_RULE)
        fprintf(out, " by \"%s\"", pm_policy_rule_id(policy, cause->rule));
    else if (cause->why == PM_WHY_DEFAULT)
        fputs(" by default", out);
    if (cause->why != PM_WHY_RULE && cause->why != PM_WHY_DEFAULT && cause->why != PM_WHY_NONE)
        fprintf(out, " (%s)", pm_why_name((enum pm_why)cause->why));
}

static void put_edit(FILE *out, const struct pm_slot_cause *cause, const struct pm_policy *policy)
{
    if (cause->left == 0)
        fputs("nothing leaves", out);
    else if (cause->edit_rule != PM_NO_RULE)
        fprintf(out, "edited by \"%s\"", pm_policy_rule_id(policy, cause->edit_rule));
    else if (cause->edit_why == PM_WHY_NONE)
        fputs("leaves as it came", out);
    else
        fprintf(out, "%s", pm_why_name((enum pm_why)cause->edit_why));
}

static void put_side(FILE *out, const struct pm_diff_group *group,
                     const struct pm_slot_cause *cause, const struct pm_policy *policy)
{
    put_decision(out, cause, policy);
    if (group->fate == PM_FATE_BYTES || group->fate == PM_FATE_PRESENCE) {
        fputs(", ", out);
        put_edit(out, cause, policy);
    }
    if (group->fate == PM_FATE_PRESENCE)
        fprintf(out, ", %u packet%s", cause->left, cause->left == 1 ? "" : "s");
}

static void put_frames(FILE *out, const struct pm_diff_group *group, bool is_all)
{
    uint64_t kept = group->count < PM_DIFF_FRAMES ? group->count : PM_DIFF_FRAMES;
    for (size_t i = 0; i < group->who_count && i < FRAMES_SHOWN && !is_all; i++)
        fprintf(out, "    frame %" PRIu64 "  %s\n", group->frames[i], group->who[i]);
    if (!is_all && group->count > FRAMES_SHOWN)
        fprintf(out, "    and %" PRIu64 " more\n", group->count - FRAMES_SHOWN);
    for (uint64_t i = 0; is_all && i < kept; i++) {
        fprintf(out, "    frame %" PRIu64, group->frames[i]);
        if (i < group->who_count)
            fprintf(out, "  %s", group->who[i]);
        fputc('\n', out);
    }
    if (is_all && group->count > kept)
        fprintf(out, "    and %" PRIu64 " more\n", group->count - kept);
}

static void put_group(FILE *out, const struct pm_packets_diff *diff,
                      const struct pm_diff_group *group, bool is_all)
{
    static const char *const fates[] = {"another verdict", "another number of packets leaves",
                                        "other bytes", "another time"};
    fprintf(out, "\n%" PRIu64 " packet%s, %s%" PRIu64 " flow%s: %s\n", group->count,
            group->count == 1 ? "" : "s", diff->are_flows_capped ? "at least " : "", group->flows,
            group->flows == 1 ? "" : "s", fates[group->fate]);
    fputs("    - ", out);
    put_side(out, group, &group->old, diff->old_policy);
    fputs("\n    + ", out);
    put_side(out, group, &group->new, diff->new_policy);
    fputc('\n', out);
    put_frames(out, group, is_all);
}

void pm_diff_text_packets(const struct pm_packets_diff *diff, const struct pm_diff_shown *shown,
                          FILE *out)
{
    size_t most = shown->is_all ? diff->group_count : GROUPS_SHOWN;
    most = most < diff->group_count ? most : diff->group_count;
    fprintf(out, "\n%s: ", diff->capture);
    if (diff->changed == 0)
        fprintf(out, "all of %" PRIu64 " packets fare the same\n", diff->packets);
    else
        fprintf(out, "%" PRIu64 " of %" PRIu64 " packets fare differently\n", diff->changed,
                diff->packets);
    if (diff->renamed > 0)
        fprintf(out, "  %" PRIu64 "%s %s decided by another rule, to the same end\n", diff->renamed,
                diff->changed > 0 ? " more" : "", diff->renamed == 1 ? "is" : "are");
    for (size_t i = 0; i < most; i++)
        put_group(out, diff, diff->groups[i], shown->is_all);
    if (most < diff->group_count)
        fprintf(out, "\n%zu more groups; --all shows them\n", diff->group_count - most);
    if (diff->ungrouped > 0)
        fprintf(out, "\n%" PRIu64 " more packets, of more groups than are kept apart\n",
                diff->ungrouped);
}
