// Reads a page as a person sees it: its words, its error messages, and the fields and buttons to be seen.
// Given [index, key], finds again the element of a control that was read before.
(wanted) => {
    const elements = [...document.querySelectorAll('input, select, button, a[href], textarea')];
    const clean = (text) => (text || '').replace(/\s+/g, ' ').trim();
    const keyOf = (element) => clean((element.name || '') + ' ' + (element.id || ''));
    if (wanted) {
        const element = elements[wanted[0]];
        return element && keyOf(element) === wanted[1] ? element : null;
    }
    if (document.readyState !== 'complete') return null;

    const seen = (element) => {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        return box.width > 0 && box.height > 0 && style.visibility !== 'hidden' && style.display !== 'none';
    };
    const textOf = (id) => (document.getElementById(id) || {}).innerText;
    const wordsOn = (element) => {
        const labels = [...(element.labels || [])];
        const words = labels.map((label) => label.innerText);
        words.push(...['aria-label', 'placeholder', 'title'].map((name) => element.getAttribute(name)));
        words.push(...(element.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean).map(textOf));
        if (element.tagName === 'INPUT' && ['submit', 'button'].includes(element.type)) words.push(element.value);
        if (['BUTTON', 'A'].includes(element.tagName)) words.push(element.innerText || element.value);
        const bare = ['radio', 'checkbox'].includes(element.type) && !labels.length;
        if (bare && element.nextSibling) words.push(element.nextSibling.textContent);
        return clean(words.filter(Boolean).join(' ')).slice(0, 300);
    };
    const forms = [...document.forms];
    const controls = [];
    elements.forEach((element, index) => {
        const label = (element.labels || [])[0];
        const elsewhere = /^(mailto|tel):/.test(element.getAttribute('href') || '');
        if (element.disabled || element.type === 'hidden' || elsewhere) return;
        if (!seen(element) && !(label && seen(label))) return;
        controls.push({
            index,
            tag: element.tagName.toLowerCase(),
            type: (element.getAttribute('type') || '').toLowerCase(),
            key: keyOf(element),
            says: wordsOn(element),
            form: forms.indexOf(element.form),
            maxlength: Number(element.maxLength || -1),
            autocomplete: (element.getAttribute('autocomplete') || '').toLowerCase(),
            options: element.tagName === 'SELECT' ? [...element.options].map((o) => clean(o.text)) : [],
        });
    });
    const errors = '.errorMessage, .error, .error-message, .alert, [role=alert], .o-form-error-container';
    const messages = [...document.querySelectorAll(errors)].filter(seen).map((e) => clean(e.innerText));
    return {
        url: location.href,
        title: clean(document.title),
        text: clean(document.body ? document.body.innerText : '').slice(0, 6000),
        messages: [...new Set(messages.filter(Boolean))].join(' ').slice(0, 500),
        controls,
        html: document.documentElement.outerHTML.slice(0, 1000000),
    };
}
