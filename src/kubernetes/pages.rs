//! Pages that grow with the number of tables.
//!
//! The operator renders such a page a chunk at a time, while the client reads it, so that its memory does not grow with
//! the page. One thread at a time renders a chunk, and then pauses for as long as that took: many clients that ask in a
//! loop cost no more than half a core.

use std::io;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Length at which a chunk ends, in bytes.
const CHUNK: usize = 128 * 1024;

/// Large pages that are answered at the same time. Each holds the values of all tables.
const MAX_ANSWERS: usize = 4;

/// Time for a client to read a large page. After that, the connection is closed, so that a client that does not read
/// does not keep others from an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The parts of a page, in order.
pub(super) type Parts = Box<dyn Iterator<Item = String> + Send>;

/// Renders pages.
pub(super) struct Pages {
    /// Turn to render a chunk.
    turn: Arc<Mutex<()>>,
    answers: Arc<Semaphore>,
}

/// The parts of a page that are not rendered yet.
struct Rest {
    parts: Parts,
    _permit: OwnedSemaphorePermit,
}

impl Default for Pages {
    fn default() -> Self {
        Self { turn: Arc::default(), answers: Arc::new(Semaphore::new(MAX_ANSWERS)) }
    }
}

impl Pages {
    /// Answers with a page. `begin` collects what its parts show.
    pub(super) async fn answer(
        &self,
        content_type: &'static str,
        begin: impl FnOnce() -> Parts + Send + 'static,
    ) -> Response {
        let parts = std::iter::once_with(begin).flatten();
        let Ok(permit) = Arc::clone(&self.answers).acquire_owned().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let rest = Rest { parts: Box::new(parts), _permit: permit };
        let body = match render(&self.turn, rest).await {
            Ok((text, None)) => Body::from(text),
            Ok((text, Some(rest))) => self.stream(text, rest),
            Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
        };
        ([(header::CONTENT_TYPE, content_type)], body).into_response()
    }

    /// Returns a body of a first chunk and the rest, which is dropped if the client does not read it in time.
    fn stream(&self, first: String, rest: Rest) -> Body {
        let rest = Arc::new(SyncMutex::new(Some(rest)));
        let late = Arc::downgrade(&rest);
        tokio::spawn(async move {
            sleep(ANSWER_TIMEOUT).await;
            if let Some(late) = late.upgrade() {
                drop(take(&late));
            }
        });
        let turn = Arc::clone(&self.turn);
        let chunks =
            stream::try_unfold((Some(first), true, rest), move |(ready, has_more, rest)| {
                let turn = Arc::clone(&turn);
                async move {
                    if let Some(text) = ready {
                        return Ok(Some((text, (None, has_more, rest))));
                    }
                    if !has_more {
                        return Ok(None);
                    }
                    let parts = take(&rest).ok_or(io::ErrorKind::TimedOut)?;
                    let (text, more) = render(&turn, parts).await.map_err(io::Error::other)?;
                    let has_more = more.is_some();
                    *rest.lock().unwrap_or_else(PoisonError::into_inner) = more;
                    Ok::<_, io::Error>(Some((text, (None, has_more, rest))))
                }
            });
        Body::from_stream(chunks)
    }
}

fn take(rest: &SyncMutex<Option<Rest>>) -> Option<Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Renders the next chunk, and returns it with the rest, or `None` if nothing is left.
async fn render(turn: &Arc<Mutex<()>>, mut rest: Rest) -> Result<(String, Option<Rest>), String> {
    let turn = Arc::clone(turn).lock_owned().await;
    let (sender, rendered) = oneshot::channel();
    // The task keeps the turn: if the client goes away, the next one still waits for it.
    tokio::spawn(async move {
        let began = Instant::now();
        let chunk = spawn_blocking(move || {
            let mut text = String::new();
            while text.len() < CHUNK {
                match rest.parts.next() {
                    Some(part) => text.push_str(&part),
                    None => return (text, None),
                }
            }
            (text, Some(rest))
        });
        let chunk = chunk.await;
        let took = began.elapsed();
        // The client may have gone away.
        drop(sender.send(chunk));
        sleep(took).await;
        drop(turn);
    });
    let chunk = rendered.await.ok().and_then(Result::ok);
    chunk.ok_or_else(|| "rendering this page panicked\n".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::to_bytes;
    use axum::http::StatusCode;
    use futures::future::join_all;

    use super::{CHUNK, MAX_ANSWERS, Pages, Parts};

    async fn text(pages: &Pages, begin: impl FnOnce() -> Parts + Send + 'static) -> String {
        let body = pages.answer("text/plain", begin).await.into_body();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body");
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn page_is_rendered_by_one_thread_at_a_time() {
        let (pages, rendering) = (Pages::default(), Arc::new(AtomicUsize::new(0)));
        let answers = join_all((0..20).map(|_| {
            let rendering = Arc::clone(&rendering);
            text(&pages, move || {
                let before = rendering.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                rendering.fetch_sub(1, Ordering::SeqCst);
                Box::new(std::iter::once(before.to_string()))
            })
        }));
        assert_eq!(answers.await, ["0"; 20]);
    }

    #[tokio::test]
    async fn large_page_is_complete_and_rendered_while_it_is_read() {
        let (pages, rendered) = (Pages::default(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&rendered);
        let parts = move || -> Parts {
            Box::new((0..10_000).map(move |number| {
                count.fetch_add(1, Ordering::SeqCst);
                format!("{number:0100}\n")
            }))
        };
        let answer = pages.answer("text/plain", parts).await;
        assert!(rendered.load(Ordering::SeqCst) < 2 * CHUNK / 100, "all was rendered in advance");
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        let expected: String = (0..10_000).map(|number| format!("{number:0100}\n")).collect();
        assert_eq!(bytes, expected);
    }

    #[tokio::test]
    async fn answers_that_are_not_read_are_limited() {
        let pages = Pages::default();
        let endless = || -> Parts { Box::new(std::iter::repeat_with(|| "text".repeat(1_000))) };
        let unread = join_all((0..MAX_ANSWERS).map(|_| pages.answer("text/plain", endless))).await;
        let mut next = Box::pin(text(&pages, || Box::new(std::iter::once("text".to_owned()))));
        assert!(futures::poll!(&mut next).is_pending());
        drop(unread);
        assert_eq!(next.await, "text");
    }

    #[tokio::test]
    async fn page_that_panics_is_rendered_again() {
        let pages = Pages::default();
        let answer = pages.answer("text/plain", || panic!("a bug")).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(text(&pages, || Box::new(std::iter::once("text".to_owned()))).await, "text");
    }
}
