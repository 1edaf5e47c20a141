/* The workers: when they are there, what they do with an offer, and with the job that comes of it. */
#include "sim/crowd_parts.h"
#include "sim/state.h"
#include <stdio.h>
#include <stdlib.h>

static void change_duty(struct sim_core *core, struct sim_timer *timer);
static bool is_duty(const struct crowd_member *member, int64_t us);
static bool is_inside(const struct scenario_spans *spans, int32_t second);
static int64_t next_change(const struct crowd_member *member);
static void set_available(struct crowd_member *member, bool is_available);
static void come_back(struct sim_core *core, struct sim_timer *timer);
static void present(struct crowd_member *member, bool is_available, size_t busy);
static void on_offer(struct crowd_member *member, const struct json *data);
static void answer_offer(struct sim_core *core, struct sim_timer *timer);
static void on_accepted(struct crowd_member *member, struct crowd_deal *deal, const struct json *data);
static void complete(struct sim_core *core, struct sim_timer *timer);
static void close_job(struct sim_core *core, struct sim_timer *timer);
static void act_on_assignment(struct crowd_deal *deal, const char *verb);
static struct crowd_deal *add_deal(struct crowd_member *member, const struct json *data);
static struct crowd_deal *find_deal(struct crowd_member *member, const char *offer_id, const char *assignment_id);
static void end_deal(struct crowd_deal *deal);
static struct crowd_member *find_member(const struct crowd *crowd, const char *id);

int crowd_members_add(struct crowd *crowd, const struct scenario_workers *group, uint32_t *part) {
    for (size_t i = 0; i < group->count; i++) {
        struct crowd_member *member = calloc(1, sizeof *member);
        if (member == NULL || sim_entry_add(&crowd->members, &member->entry, group->names[i]) < 0) {
            free(member);
            return -1;
        }
        member->crowd = crowd;
        member->group = group;
        member->leaves_us = SIM_NEVER;
        list_init(&member->deals);
        random_seed_part(&member->random, crowd->seed, (*part)++);
    }
    return 0;
}

void crowd_members_start(struct crowd *crowd) {
    LIST_EACH (&crowd->members.in_order, node) {
        struct crowd_member *member = CONTAINER_OF(node, struct crowd_member, entry.in_order);
        crowd_set_timer(crowd, &member->shift, crowd->start_us, change_duty);
    }
}

void crowd_members_free(struct crowd *crowd) {
    LIST_EACH (&crowd->members.in_order, node) {
        struct crowd_member *member = CONTAINER_OF(node, struct crowd_member, entry.in_order);
        LIST_EACH (&member->deals, at) {
            end_deal(CONTAINER_OF(at, struct crowd_deal, in_member));
        }
        sim_timer_cancel(&crowd->timers, &member->shift);
        sim_timer_cancel(&crowd->timers, &member->back);
        sim_entry_remove(&crowd->members, &member->entry);
        free(member);
    }
    sim_collection_reset(&crowd->members);
}

/* By others as well: an acceptance is one whoever called. */
void crowd_member_tell(struct crowd *crowd, const char *type, const struct json *data) {
    struct crowd_member *member = find_member(crowd, json_get_string(data, "workerId"));
    if (member == NULL) {
        return;
    }
    struct crowd_deal *deal =
        find_deal(member, json_get_string(data, "offerId"), json_get_string(data, "assignmentId"));
    if (strcmp(type, "RouterWorkerRegistered") == 0) {
        present(member, true, member->busy);
    } else if (strcmp(type, "RouterWorkerDeregistered") == 0 || strcmp(type, "RouterWorkerDeleted") == 0) {
        present(member, false, member->busy);
    } else if (strcmp(type, "RouterWorkerOfferIssued") == 0) {
        on_offer(member, data);
    } else if (deal == NULL) {
        return;
    } else if (strcmp(type, "RouterWorkerOfferAccepted") == 0) {
        on_accepted(member, deal, data);
    } else if (strcmp(type, "RouterJobCompleted") == 0) {
        deal->stage = CROWD_WRAPPING_UP;
        crowd_set_timer(crowd, &deal->timer, crowd->now_us + crowd_draw(&member->random, &member->group->wrap_up),
                        close_job);
    } else if (strcmp(type, "RouterWorkerOfferExpired") == 0 && member->is_on_duty) {
        int64_t wait_us = crowd_draw(&member->random, &member->group->returns_after);
        end_deal(deal);
        crowd_set_timer(crowd, &member->back, crowd->now_us + wait_us, come_back);
    } else {
        end_deal(deal); /* declined, revoked, closed, unassigned */
    }
}

void crowd_deals_drop(struct crowd *crowd, const char *job_id) {
    LIST_EACH (&crowd->members.in_order, node) {
        struct crowd_member *member = CONTAINER_OF(node, struct crowd_member, entry.in_order);
        LIST_EACH (&member->deals, at) {
            struct crowd_deal *deal = CONTAINER_OF(at, struct crowd_deal, in_member);
            if (strcmp(deal->job_id, job_id) == 0) {
                end_deal(deal);
            }
        }
    }
}

static void change_duty(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_member *member = CONTAINER_OF(timer, struct crowd_member, shift);
    struct crowd *crowd = member->crowd;
    bool is_due = is_duty(member, crowd->now_us);
    if (is_due != member->is_on_duty) {
        member->is_on_duty = is_due;
        sim_timer_cancel(&crowd->timers, &member->back);
        int32_t second = (int32_t)crowd_day_s(crowd, crowd->now_us) % SCENARIO_DAY_S;
        bool is_break = !is_due && crowd->now_us < member->leaves_us && is_inside(&member->group->breaks, second);
        sim_say(core, member->entry.id, "%s", is_due ? "comes to work" : is_break ? "takes a break" : "goes home");
        set_available(member, is_due);
    }
    int64_t next = next_change(member);
    if (next != SIM_NEVER) {
        crowd_set_timer(crowd, &member->shift, next, change_duty);
    }
}

static bool is_duty(const struct crowd_member *member, int64_t us) {
    int32_t second = (int32_t)((int64_t)crowd_day_s(member->crowd, us) % SCENARIO_DAY_S);
    const struct scenario_workers *group = member->group;
    return us < member->leaves_us && (group->shifts.count == 0 || is_inside(&group->shifts, second)) &&
           !is_inside(&group->breaks, second);
}

static bool is_inside(const struct scenario_spans *spans, int32_t second) {
    for (size_t i = 0; i < spans->count; i++) {
        if (second >= spans->list[i].from_s && second < spans->list[i].to_s) {
            return true;
        }
    }
    return false;
}

/* The nearest beginning or end of a shift or break, on this day or the next, or the leaving. */
static int64_t next_change(const struct crowd_member *member) {
    const struct crowd *crowd = member->crowd;
    const struct scenario_spans *const both[] = {&member->group->shifts, &member->group->breaks};
    int64_t start_us = crowd->start_us - (int64_t)crowd->scenario->start_s * 1000000; /* the first midnight */
    int64_t day_us = (int64_t)SCENARIO_DAY_S * 1000000;
    int64_t midnight = crowd->now_us - (crowd->now_us - start_us) % day_us;
    int64_t next = crowd->now_us < member->leaves_us ? member->leaves_us : SIM_NEVER;
    if (crowd->now_us >= member->leaves_us) {
        return SIM_NEVER;
    }
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 2 * both[i]->count; k++) {
            const struct scenario_span *span = &both[i]->list[k / 2];
            int64_t at = midnight + (int64_t)(k % 2 == 0 ? span->from_s : span->to_s) * 1000000;
            at += at <= crowd->now_us ? day_us : 0;
            next = at < next ? at : next;
        }
    }
    return next;
}

static void set_available(struct crowd_member *member, bool is_available) {
    struct crowd *crowd = member->crowd;
    struct buffer path, body;
    buffer_init(&body, CROWD_BODY_LIMIT);
    if (!member->is_known) {
        buffer_append(&body, member->group->body, strlen(member->group->body) - 1);
    }
    buffer_append_format(&body, "%c\"availableForOffers\":%s}", member->is_known ? '{' : ',',
                         is_available ? "true" : "false");
    crowd_path(&path, "workers", member->entry.id);
    if (body.is_broken) {
        crowd->is_broken = true;
    } else if (crowd_call(crowd, member->entry.id, is_available ? "register" : "deregister", "PATCH", &path,
                          body.bytes) < 400 &&
               !member->is_known) {
        member->is_known = true;
        if (member->group->leaves_after_us >= 0) {
            member->leaves_us = crowd->now_us + member->group->leaves_after_us;
        }
    }
    buffer_reset(&path);
    buffer_reset(&body);
}

static void come_back(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_member *member = CONTAINER_OF(timer, struct crowd_member, back);
    sim_say(core, member->entry.id, "is back, and takes offers again");
    set_available(member, true);
}

/* Who is available, or busy with a last job, is at work. */
static void present(struct crowd_member *member, bool is_available, size_t busy) {
    int64_t now_us = member->crowd->now_us;
    bool was = member->is_available || member->busy > 0, is = is_available || busy > 0;
    if (was != is) {
        member->present_us += is ? 0 : now_us - member->present_since_us;
        member->present_since_us = now_us;
    }
    if ((member->busy > 0) != (busy > 0)) {
        member->busy_us += busy > 0 ? 0 : now_us - member->busy_since_us;
        member->busy_since_us = now_us;
    }
    member->is_available = is_available;
    member->busy = busy;
}

static void on_offer(struct crowd_member *member, const struct json *data) {
    struct crowd *crowd = member->crowd;
    const struct scenario_workers *group = member->group;
    struct crowd_deal *deal = add_deal(member, data);
    double fate = random_fraction(&member->random);
    int64_t wait_us = crowd_draw(&member->random, &group->answer_after);
    if (deal == NULL) {
        crowd->is_broken = true;
        return;
    }
    deal->is_welcome = fate < group->accept;
    if (fate < group->accept + group->decline) {
        crowd_set_timer(crowd, &deal->timer, crowd->now_us + wait_us, answer_offer);
    } else {
        sim_say(crowd->core, member->entry.id, "does not notice the offer of %s", deal->job_id);
    }
}

static void answer_offer(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_deal *deal = CONTAINER_OF(timer, struct crowd_deal, timer);
    struct crowd_member *member = deal->member;
    const char *verb = deal->is_welcome ? "accept" : "decline";
    char words[64 + SIM_ID_LIMIT];
    struct buffer path;
    sim_say(core, member->entry.id, "%ss %s", verb, deal->job_id);
    snprintf(words, sizeof words, "%s %s", verb, deal->job_id);
    crowd_path(&path, "workers", member->entry.id);
    buffer_append_format(&path, "/offers/%s:%s", deal->offer_id, verb);
    crowd_call(member->crowd, member->entry.id, words, "POST", &path, NULL);
    buffer_reset(&path);
}

static void on_accepted(struct crowd_member *member, struct crowd_deal *deal, const struct json *data) {
    struct crowd *crowd = member->crowd;
    const char *assignment = json_get_string(data, "assignmentId");
    snprintf(deal->assignment_id, sizeof deal->assignment_id, "%s", assignment == NULL ? "" : assignment);
    deal->stage = CROWD_TALKING;
    present(member, member->is_available, member->busy + 1);
    crowd_set_timer(crowd, &deal->timer, crowd->now_us + crowd_draw(&member->random, &member->group->talk),
                    complete);
}

static void complete(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_deal *deal = CONTAINER_OF(timer, struct crowd_deal, timer);
    sim_say(core, deal->member->entry.id, "has finished with %s, and wraps up", deal->job_id);
    act_on_assignment(deal, "complete");
}

static void close_job(struct sim_core *core, struct sim_timer *timer) {
    struct crowd_deal *deal = CONTAINER_OF(timer, struct crowd_deal, timer);
    sim_say(core, deal->member->entry.id, "has wrapped up %s", deal->job_id);
    act_on_assignment(deal, "close");
}

static void act_on_assignment(struct crowd_deal *deal, const char *verb) {
    struct crowd_member *member = deal->member;
    char words[64 + SIM_ID_LIMIT];
    struct buffer path;
    snprintf(words, sizeof words, "%s %s", verb, deal->job_id);
    crowd_path(&path, "jobs", deal->job_id);
    buffer_append_format(&path, "/assignments/%s:%s", deal->assignment_id, verb);
    crowd_call(member->crowd, member->entry.id, words, "POST", &path, NULL);
    buffer_reset(&path);
}

static struct crowd_deal *add_deal(struct crowd_member *member, const struct json *data) {
    const char *offer = json_get_string(data, "offerId"), *job = json_get_string(data, "jobId");
    struct crowd_deal *deal = calloc(1, sizeof *deal);
    if (deal == NULL || offer == NULL || job == NULL || (deal->job_id = strdup(job)) == NULL) {
        free(deal);
        return NULL;
    }
    deal->member = member;
    snprintf(deal->offer_id, sizeof deal->offer_id, "%s", offer);
    list_append(&member->deals, &deal->in_member);
    return deal;
}

static struct crowd_deal *find_deal(struct crowd_member *member, const char *offer_id, const char *assignment_id) {
    LIST_EACH (&member->deals, node) {
        struct crowd_deal *deal = CONTAINER_OF(node, struct crowd_deal, in_member);
        if (offer_id != NULL ? strcmp(deal->offer_id, offer_id) == 0
                             : assignment_id != NULL && strcmp(deal->assignment_id, assignment_id) == 0) {
            return deal;
        }
    }
    return NULL;
}

static void end_deal(struct crowd_deal *deal) {
    struct crowd_member *member = deal->member;
    sim_timer_cancel(&member->crowd->timers, &deal->timer);
    if (deal->stage != CROWD_OFFERED) {
        present(member, member->is_available, member->busy - 1);
    }
    list_remove(&deal->in_member);
    free(deal->job_id);
    free(deal);
}

static struct crowd_member *find_member(const struct crowd *crowd, const char *id) {
    struct sim_entry *entry = sim_find(&crowd->members, id);
    return entry == NULL ? NULL : CONTAINER_OF(entry, struct crowd_member, entry);
}
