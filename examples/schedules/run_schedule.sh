#!/bin/sh
# Run the journey as a schedule asks for it; cron and systemd start it.
#
#     run_schedule.sh hourly    what came in: is it fresh, does it add up?
#     run_schedule.sh daily     everything, validated and published, with the report
#     run_schedule.sh weekly    the same from nothing, the customer value models fitted
#
# Exit codes are those of scripts/pipeline.py, 1 for a stale source too.
#
# CUSTOMER_JOURNEY_PROJECT_DIR   the dbt project; by default the one this file lies in
# CUSTOMER_JOURNEY_TARGET        a target of its profiles.yml; by default its own choice
# CUSTOMER_JOURNEY_PUBLISHING    more options for what publishes, such as --parquet
# CUSTOMER_JOURNEY_SCHEDULE_LOGS a folder: the output goes to a file of its own there and
#                                is repeated only when a run fails, which is when cron
#                                should send a mail; empty: the output stays as it is
# CUSTOMER_JOURNEY_LOG_DAYS      days for which these files are kept; 30
set -eu

package=$(cd "$(dirname "$0")/../.." && pwd)
project=${CUSTOMER_JOURNEY_PROJECT_DIR:-$package}
bin=$package/.venv/bin
target_folder=${DBT_TARGET_PATH:-target}
logs=${CUSTOMER_JOURNEY_SCHEDULE_LOGS:-}
locked=4
schedule=${1:-}
publishing=${CUSTOMER_JOURNEY_PUBLISHING:-}

# An hourly run leaves when another one works; the others wait for it.
case $schedule in
    hourly) wait_seconds=0; options='--selector hourly --no-unit-tests' ;;
    daily) wait_seconds=3600; options="--no-unit-tests $publishing" ;;
    weekly) wait_seconds=3600; options="--fit --full-refresh --no-unit-tests $publishing" ;;
    *)
        echo "Usage: $0 hourly|daily|weekly" >&2
        exit 2
        ;;
esac
if [ -n "${CUSTOMER_JOURNEY_TARGET:-}" ]; then
    target="--target $CUSTOMER_JOURNEY_TARGET"
else
    target=
fi

run() {
    # Opens the database, so it takes its turn like a run. Words are split on purpose.
    # shellcheck disable=SC2086
    flock --timeout "$wait_seconds" --conflict-exit-code "$locked" \
        "$target_folder/pipeline.lock" \
        "$bin/dbt" --quiet --no-use-colors source freshness $target || {
        code=$?
        case $code in
            1) echo "An input is stale or cannot be read: nothing built." >&2 ;;
            "$locked") echo "Another run is at work: nothing done." >&2 ;;
            *) echo "The age of the inputs cannot be told: ask pipeline.py doctor." >&2 ;;
        esac
        return "$code"
    }
    # shellcheck disable=SC2086
    "$bin/python" "$package/scripts/pipeline.py" run --project-dir "$project" \
        $target $options
}

# A relative path in profiles.yml counts from here.
cd "$project"
mkdir -p "$target_folder"
code=0
if [ -z "$logs" ]; then
    run || code=$?
    exit "$code"
fi

mkdir -p "$logs"
log=$logs/$schedule-$(date -u +%Y%m%dT%H%M%SZ).log
# Others may keep logs in this folder, or below it: only what is named as here goes.
find "$logs" -maxdepth 1 -type f \
    \( -name 'hourly-*.log' -o -name 'daily-*.log' -o -name 'weekly-*.log' \) \
    -mtime "+${CUSTOMER_JOURNEY_LOG_DAYS:-30}" -delete
run >"$log" 2>&1 || code=$?
if [ "$code" -eq 0 ] || { [ "$schedule" = hourly ] && [ "$code" -eq "$locked" ]; }; then
    exit "$code"
fi
{
    echo "customer_journey $schedule failed with exit code $code; its log is $log:"
    tail -n 30 "$log"
} >&2
exit "$code"
