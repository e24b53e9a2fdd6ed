/** The token of a sign-in link stands behind the #. It goes into the form, and out of the address and the history. */

const field = document.getElementById('token');

function take() {
  const token = location.hash.slice(1);
  if (!token) return;
  field.value = token;
  document.getElementById('token-row').hidden = true;
  history.replaceState(null, '', location.pathname + location.search);
}

take();
// Another link pasted into the same tab is no new page.
addEventListener('hashchange', take);

// The way to the other language is a new page: the token goes along.
document.querySelector('.language a')?.addEventListener('click', (event) => {
  if (field.value) event.currentTarget.hash = field.value;
});
