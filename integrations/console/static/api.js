/** Calls to the server: with the session's cookie and its CSRF token, a time limit, and problems in plain words. */

import { t } from './texts.js';

const TIMEOUT_MS = 15_000;

let csrf = '';

export function useToken(token) { csrf = token; }

/** Status 0: no answer at all. */
export class Failure extends Error {
  constructor(status, detail = '', kind = '', retryAfterSeconds = 0) {
    super(detail || `status ${status}`);
    Object.assign(this, { status, detail, kind, retryAfterSeconds });
  }

  get temporary() { return [0, 408, 425, 429].includes(this.status) || this.status >= 500; }

  /** For people. */
  get words() { return this.status === 0 ? t('problem.lost') : this.detail || t('problem.failed'); }
}

async function call(method, path, body, { signal } = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  signal?.addEventListener('abort', () => abort.abort());
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    const response = await fetch(path.startsWith('/') ? path : `/console/api/${path}`, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: abort.signal,
      credentials: 'same-origin', cache: 'no-store',
    });
    if (response.ok) return response.status === 204 ? null : await response.json();
    const problem = await response.json().catch(() => ({}));
    if (response.status === 401) document.dispatchEvent(new CustomEvent('signed-out'));
    const kind = (problem.type ?? '').split(':').at(-1);
    throw new Failure(response.status, problem.detail, kind, Number(response.headers.get('Retry-After')) || 0);
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(0);
  } finally {
    clearTimeout(timer);
  }
}

export const get = (path, options) => call('GET', path, undefined, options);
export const post = (path, body = {}, options) => call('POST', path, body, options);
export const change = (path, body) => call('PUT', path, body);
export const adjust = (path, body) => call('PATCH', path, body);
export const remove = (path) => call('DELETE', path);
