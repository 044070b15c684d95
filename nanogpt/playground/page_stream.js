// The stream of results. A part of page.js.
//
// Gradio's client (6.31) reads the results of all runs from one stream, which the server closes when nothing is left to
// tell, and the next run opens again. The answer to a run may arrive before the page has read that the stream is closed:
// then the client takes it for open, and nobody reads that run. Any other run opens the stream, and with it comes what
// was missed; `#listen` asks for one that does nothing.

const fetchPlainly = window.fetch;
let answered = false; // a run was answered while the stream was open

window.fetch = async (...call) => {
  const url = String(call[0].url ?? call[0]);
  if (url.includes("/queue/data?")) {
    answered = false;
    call[0].signal?.addEventListener("abort", () => { // the client has read that the stream is closed
      if (answered) document.querySelector("#listen")?.click();
    });
  }
  const answer = await fetchPlainly(...call);
  if (url.includes("/queue/join?")) answered = true;
  return answer;
};
