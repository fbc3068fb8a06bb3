//! The phases of a stop, and who is counted.

use std::future::pending;

use super::*;

const LONG: Duration = Duration::from_secs(3_600);

fn drain(delay: Duration, limit: Duration, grace: Duration) -> Drain {
    Drain::new(DrainSettings { delay, limit, grace })
}

#[tokio::test]
async fn an_idle_process_passes_every_phase_and_reports_nothing_cut() {
    let drain = drain(Duration::ZERO, LONG, LONG);
    assert!(drain.is_ready());
    let report = drain.run(pending()).await;
    assert_eq!(report, DrainReport { told_to_end: 0, abandoned: 0 });
    assert_eq!(drain.phase(), Phase::Done);
    for phase in [Phase::Draining, Phase::Refusing, Phase::Ending, Phase::Done] {
        assert!(drain.token(phase).is_cancelled());
    }
}

#[tokio::test]
async fn while_draining_readiness_says_no_and_new_work_is_accepted() {
    let drain = drain(LONG, LONG, LONG);
    let mut run = pin!(drain.run(pending()));
    tokio::select! {
        biased;
        _ = &mut run => panic!("the delay is not over"),
        () = drain.token(Phase::Draining).cancelled() => {}
    }
    assert!(!drain.is_ready());
    assert!(drain.enter().is_some());
    assert!(!drain.token(Phase::Refusing).is_cancelled());
}

#[tokio::test]
async fn after_the_delay_new_work_is_refused_and_work_in_hand_is_waited_for() {
    let drain = drain(Duration::ZERO, LONG, LONG);
    let work = drain.enter().unwrap();
    let mut run = pin!(drain.run(pending()));
    tokio::select! {
        biased;
        _ = &mut run => panic!("work is in hand"),
        () = drain.token(Phase::Refusing).cancelled() => {}
    }
    assert!(drain.enter().is_none());
    assert_eq!(drain.in_flight(), 1);
    assert!(!drain.token(Phase::Ending).is_cancelled());
    drop(work);
    assert_eq!(run.await, DrainReport { told_to_end: 0, abandoned: 0 });
}

#[tokio::test]
async fn at_the_limit_work_in_hand_is_told_to_end_and_may_still_finish() {
    let drain = drain(Duration::ZERO, Duration::from_millis(1), LONG);
    let work = drain.enter().unwrap();
    let told = drain.token(Phase::Ending).clone();
    let work = async move {
        told.cancelled().await;
        drop(work);
    };
    let (report, ()) = tokio::join!(drain.run(pending()), work);
    assert_eq!(report, DrainReport { told_to_end: 1, abandoned: 0 });
}

#[tokio::test]
async fn work_that_never_ends_is_abandoned_after_the_grace() {
    let drain = drain(Duration::ZERO, Duration::ZERO, Duration::from_millis(1));
    let work = drain.enter().unwrap();
    assert_eq!(drain.run(pending()).await, DrainReport { told_to_end: 1, abandoned: 1 });
    assert!(drain.token(Phase::Done).is_cancelled());
    drop(work);
    assert_eq!(drain.in_flight(), 0);
}

#[tokio::test]
async fn a_second_signal_ends_work_in_hand_at_once() {
    let drain = drain(LONG, LONG, Duration::from_millis(1));
    let _work = drain.enter().unwrap();
    assert_eq!(drain.run(async {}).await, DrainReport { told_to_end: 1, abandoned: 1 });
}
