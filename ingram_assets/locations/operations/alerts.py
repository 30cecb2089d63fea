"""Tells people, through Apprise, what went wrong: mail, Slack, Discord, a webhook, whatever ALERT_URLS names."""

import dagster as dg

from ingram_assets.settings import CommonSettings, OperationsSettings, load


@dg.run_failure_sensor(
    monitor_all_code_locations=True,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A run failed: tells every target of ALERT_URLS what failed, with a link to the run.",
)
def run_failed(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Send one alert for a failed run."""
    targets = load(OperationsSettings).ALERT_URLS
    if not targets:
        return dg.SkipReason("ALERT_URLS names nobody to tell.")
    import apprise

    said = apprise.Apprise()
    for target in targets:
        said.add(target.get_secret_value())
    run = context.dagster_run
    link = f"{load(CommonSettings).INGRAM_UI_URL}/runs/{run.run_id}"
    said.notify(
        title=f"Ingram: {run.job_name} failed",
        body=f"{context.failure_event.message}\n{link}",
        notify_type=apprise.NotifyType.FAILURE,
    )
    return None
