// How a single character is shown and named where it stands alone. card.py and track.py put this before their script.

const NAMED = { " ": ["␣", "space"], "\n": ["↵", "newline"], "\t": ["⇥", "tab"] };
const UNSEEN = /[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u; // the last is the blank braille pattern

const codePoint = (character) => "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
const oneGlyph = (character) => NAMED[character]?.[0] ?? (UNSEEN.test(character) ? codePoint(character) : character);

const glyphs = (string) => Array.from(string, oneGlyph).join("");
const nameOf = (character) => NAMED[character]?.[1] ?? ""; // for those whose glyph is not the character itself
