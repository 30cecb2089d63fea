// Small things that a page can't do without a script. Every page can be read, and every form sent, without it.
(function () {
  "use strict";

  function tell(words) {
    const notice = document.getElementById("connection");
    if (!notice) return;
    notice.textContent = words;
    notice.hidden = words === "";
  }

  // Live parts that stop being live have to say so: an old number looks like a new one.
  document.addEventListener("htmx:sendError", function () {
    tell("The desk does not answer. What you see is as it was; this page goes on trying.");
  });
  document.addEventListener("htmx:timeout", function () {
    tell("The desk is slow to answer. What you see is as it was; this page goes on trying.");
  });
  document.addEventListener("htmx:responseError", function (event) {
    tell("The desk could not answer (" + event.detail.xhr.status + "). What you see is as it was.");
  });
  document.addEventListener("htmx:afterOnLoad", function () { tell(""); });

  // Nobody looks: nothing is asked for.
  document.addEventListener("htmx:beforeRequest", function (event) {
    const trigger = event.detail.elt.getAttribute("hx-trigger") || "";
    if (document.hidden && trigger.indexOf("every") !== -1) event.preventDefault();
  });

  // A field that is changed sends its form by htmx; without a script there is a button for it.
  document.documentElement.classList.add("has-script");
})();
