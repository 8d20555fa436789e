"use strict";
// The icons of Stoplight Elements come with a style that they would add to the page; docs.css has it instead.
window.FontAwesomeConfig = { autoAddCss: false };
