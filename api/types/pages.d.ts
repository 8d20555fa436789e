// What scripts tell each other by events of the document, and what older descriptions of browsers lack.

interface DocumentEventMap {
    /** A part of the page was replaced by a newer one. */
    drawn: CustomEvent<HTMLElement>;
    /** A face was corrected by its picture. */
    corrected: CustomEvent<{ face: string }>;
}
