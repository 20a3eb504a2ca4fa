// What goes between the modules, for the type checker: nothing in here runs. The bodies of the API are those of
// yunmeng/schemas, less what the console does not read.

/** @typedef {[number, number, number, number]} Region Left, top, width, height, in fractions of the picture. */
/** @typedef {{ x: number, y: number, w: number, h: number }} Box The same, as the API has it. */
/** @typedef {[number, number][]} Polygon In fractions of the picture. */

/** @typedef {string | number | boolean | string[]} Value Of an attribute. */
/** @typedef {"str" | "int" | "float" | "bool" | "list[str]"} AttributeType */
/** @typedef {Record<string, Value>} Attributes */

/**
 * @typedef {object} QueryPart A part of a question: one of `id`, `url`, `text` and `upload`. With a `weight` below 0 hits are to be
 *   unlike it.
 * @property {string | null} [id]
 * @property {string | null} [url]
 * @property {string | null} [text]
 * @property {string | null} [upload] The SHA-256 of a file that is kept in the page, and for a day on the server.
 * @property {number} weight
 * @property {Region | null} [region] Where only a part of the picture is meant.
 */

/** @typedef {Record<string, number | boolean>} Options Of a search, as lib/options.js lists them. */

/**
 * @typedef {object} Route What the address says.
 * @property {string} page
 * @property {string | null} id
 * @property {string | null} url
 * @property {string | null} text
 * @property {string | null} upload
 * @property {string | null} color Colours that are asked for: see lib/colours.js.
 * @property {string | null} filter
 * @property {string | null} folder In which the library page looks.
 * @property {string | null} show The id of the picture that is open.
 * @property {string | null} view Which part of a page is shown, where it has several.
 * @property {string | null} metric
 * @property {string | null} group
 * @property {number | null} min
 * @property {number | null} chance
 * @property {Region | null} region
 * @property {number} weight
 * @property {QueryPart[]} mix
 * @property {Options} options
 * @property {string[]} rerank
 */

/** @typedef {{ id?: string | null, url?: string | null, file?: File }} Picture One picture to be sent or named: one of the three. */

/**
 * @typedef {object} Page What main.js shows.
 * @property {HTMLElement} element
 * @property {(route: Route, place?: any) => void} update With the place that place() gave, where Back has led to it again.
 * @property {() => unknown} [place] What is needed to show the same again.
 * @property {() => void} [destroy]
 * @property {() => Receiver} [receive]
 * @property {() => string[]} [ids] Of the pictures that are shown, in their order.
 * @property {(id: string) => void} [removed]
 * @property {() => boolean} [skipTo] Moves the keyboard to what the page is for; false where there is none yet.
 * @property {(id: string) => void} [focusOn] Moves the keyboard to a picture.
 * @property {(id: string) => Shown | undefined} [hit]
 * @property {(id: string, signal: AbortSignal) => Promise<Step[] | null>} [explain]
 * @property {() => void} [libraryChanged]
 */

/** @typedef {(new () => Page) & { title: string, scope: string }} AppPage The default export of an application's page.js. */

/**
 * @typedef {object} Receiver What a page does with pictures that come from outside.
 * @property {string} hint The key of the words that are shown while something is dragged.
 * @property {(files: File[]) => void} files
 * @property {(id: string) => void} [id]
 * @property {(address: string) => void} [address]
 * @property {boolean} [wantsFolders]
 */

/** @typedef {{ keys_required: boolean, scope: string | null, scopes: string[], name: string | null }} Session */

/**
 * @typedef {object} Vocabulary What controls offer, as the server tells it. lib/words.js has the words for each.
 * @property {string[]} metrics
 * @property {string[]} steps
 * @property {number} unlike The weight of what hits are to be unlike.
 */

/**
 * @typedef {object} Library
 * @property {string} name
 * @property {number} pictures
 * @property {string} encoder
 * @property {number} dim
 * @property {string} metric What hits are scored by unless a search names another.
 * @property {boolean} reads_text
 * @property {string[]} missing_extras What is not installed on the server, and would let it answer more.
 * @property {boolean} regions
 * @property {boolean} augmented
 * @property {"store" | "state" | "missing"} full_text What finds names and attributes by their words.
 * @property {number} words_missing Pictures that are not found by them yet.
 * @property {boolean} subject
 * @property {boolean} calibrated
 * @property {string[]} enhance
 * @property {Record<string, AttributeType>} attributes
 * @property {Vocabulary} vocabulary
 * @property {string[]} pages Names of the applications that have one.
 * @property {string} created
 * @property {number} bytes
 * @property {string} version
 */

/**
 * @typedef {object} Attribute A declared attribute, and its values so far.
 * @property {string} name
 * @property {AttributeType} type
 * @property {{ value: string, count: number | null }[]} values
 * @property {number | null} min
 * @property {number | null} max
 * @property {boolean} complete
 */

/**
 * @typedef {object} Alignment How a picture lies in another one.
 * @property {number} inliers
 * @property {boolean} mirrored
 * @property {Polygon} outline
 * @property {number} query_overlap
 * @property {number} target_overlap
 */

/** @typedef {{ step: string, score: number, rank: number }} Step */

/**
 * @typedef {object} Shown What a tile or a detail can show beside the picture: of hits more, of pictures only the id.
 * @property {string} id
 * @property {number} [score]
 * @property {number | null} [chance]
 * @property {string | null} [band] How alike it is, in words: a key of lib/words.js behind "band-".
 * @property {boolean} [byWords] The score is a rank among what fits the words, no likeness.
 * @property {Box | null} [region]
 * @property {Alignment | null} [alignment]
 * @property {number} [width]
 * @property {number} [height]
 * @property {Attributes} [attributes]
 */

/** @typedef {{ region: Box, rows: number[][] }} HeatMap How alike each place of a picture is to the other side, in [0, 1]. */

/**
 * @typedef {object} Why What of a query and of a hit is alike.
 * @property {string} id
 * @property {number | null} score
 * @property {string | null} band
 * @property {number | null} chance
 * @property {HeatMap | null} hit
 * @property {HeatMap | null} query
 * @property {string[]} words
 */

/** @typedef {Shown & { score: number, explanation?: Step[] | null }} Hit */

/**
 * @typedef {object} PictureFacts What the library knows of a picture.
 * @property {string} id
 * @property {string | null} uri
 * @property {number} width
 * @property {number} height
 * @property {string} sha256
 * @property {string} phash
 * @property {string} pdq
 * @property {Record<string, number>} quality
 * @property {string[]} problems
 * @property {{ subject: Swatch[], whole: Swatch[] } | null} palette
 * @property {Attributes} attributes
 */

/** @typedef {{ hex: string, share: number }} Swatch One colour of a picture. */

/** @typedef {{ name: string, amount: number | null, detail: string }} Edit */

/**
 * @typedef {object} Comparison
 * @property {string} verdict
 * @property {string | null} difference
 * @property {Edit[]} edits
 * @property {Alignment | null} alignment
 * @property {number} phash_distance
 * @property {number} pdq_distance
 * @property {number} score
 */

/**
 * @typedef {object} Job What is done in the background.
 * @property {number} number
 * @property {string} kind
 * @property {Record<string, unknown>} arguments
 * @property {"queued" | "running" | "done" | "interrupted" | "cancelled" | "failed"} status
 * @property {string | null} phase
 * @property {number} done Of `total`, with what was skipped and what failed.
 * @property {number | null} total
 * @property {number} skipped
 * @property {number} failed
 * @property {boolean} resumable
 * @property {string} started_at
 * @property {string | null} error
 */

/** @typedef {{ name: string, dim: number, reads_text: boolean }} Encoder */

/**
 * @typedef {object} Colours The basic colours, and how many pictures have each.
 * @property {{ name: string, hex: string, count: number }[]} colors
 * @property {number} min_score Of a search by one of the names that returns the pictures which are counted.
 * @property {number} without Pictures whose colours are not known.
 */

export {};
