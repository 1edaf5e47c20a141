#include "host/retry.h"
#include <math.h>

static const double us_per_second = 1e6;
static const double jitter = 0.25;
static const double longest_seconds = 365.0 * 86400; /* an upstream may ask for the year 9999 */

int64_t retry_delay_us(const struct retry_policy *policy, unsigned attempt, double chance, int64_t retry_after_s) {
    double seconds = policy->first_seconds * pow(policy->factor, attempt > 0 ? attempt - 1 : 0);
    if (!(seconds < policy->max_seconds)) { /* also when pow went to infinity */
        seconds = policy->max_seconds;
    }
    seconds -= seconds * jitter * chance;
    if (seconds < (double)retry_after_s) {
        seconds = (double)retry_after_s;
    }
    return (int64_t)(fmax(0, fmin(seconds, longest_seconds)) * us_per_second);
}
