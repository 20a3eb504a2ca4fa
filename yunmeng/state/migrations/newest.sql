CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	arguments JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, error VARCHAR, runner VARCHAR(32), lease_until DATETIME, 
	CONSTRAINT pk_jobs PRIMARY KEY (id)
);

CREATE TABLE checkpoints (
	job_id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	"indexed" INTEGER NOT NULL, 
	skipped INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	last_id VARCHAR, 
	CONSTRAINT pk_checkpoints PRIMARY KEY (job_id), 
	CONSTRAINT fk_checkpoints_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

CREATE TABLE failures (
	id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	path VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (id), 
	CONSTRAINT fk_failures_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);

CREATE TABLE api_keys (
	id VARCHAR(16) NOT NULL, 
	name VARCHAR NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT uq_api_keys_digest UNIQUE (digest)
);

CREATE TABLE duplicate_searches (
	id INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	finished_at DATETIME, 
	error VARCHAR, 
	CONSTRAINT pk_duplicate_searches PRIMARY KEY (id)
);

CREATE TABLE duplicate_groups (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	size INTEGER NOT NULL, 
	decided BOOLEAN NOT NULL
);

CREATE TABLE duplicate_members (
	group_id INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	picture JSON NOT NULL, 
	reason VARCHAR(16) NOT NULL, 
	score FLOAT NOT NULL, 
	keep BOOLEAN NOT NULL, 
	record JSON, 
	vector BLOB, 
	CONSTRAINT pk_duplicate_members PRIMARY KEY (group_id, place), 
	CONSTRAINT fk_duplicate_members_group_id FOREIGN KEY(group_id) REFERENCES duplicate_groups (id) ON DELETE CASCADE
);

CREATE TABLE queries (
	picture VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	value VARCHAR NOT NULL, 
	wanted JSON NOT NULL, 
	count INTEGER NOT NULL, 
	last_at DATETIME NOT NULL, 
	CONSTRAINT pk_queries PRIMARY KEY (picture)
);

CREATE TABLE saved_searches (
	name VARCHAR(200) NOT NULL, 
	"query" VARCHAR NOT NULL, 
	saved_at DATETIME NOT NULL, 
	CONSTRAINT pk_saved_searches PRIMARY KEY (name)
);

CREATE TABLE copyright_entries (
	number INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	leaf BLOB NOT NULL, 
	CONSTRAINT pk_copyright_entries PRIMARY KEY (number)
);

CREATE TABLE copyright_head (
	id INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	root BLOB NOT NULL, 
	peaks BLOB NOT NULL, 
	CONSTRAINT pk_copyright_head PRIMARY KEY (id)
);

CREATE TABLE shop_clicks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	search VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"query" JSON NOT NULL, 
	product JSON NOT NULL, 
	place INTEGER NOT NULL, 
	shown JSON NOT NULL, 
	vector BLOB
);

CREATE TABLE recommend_events (
	id VARCHAR(200) NOT NULL, 
	user VARCHAR(200) NOT NULL, 
	picture VARCHAR NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	at FLOAT NOT NULL, 
	CONSTRAINT pk_recommend_events PRIMARY KEY (id)
);

CREATE TABLE recommend_popularity (
	picture VARCHAR NOT NULL, 
	weight FLOAT NOT NULL, 
	CONSTRAINT pk_recommend_popularity PRIMARY KEY (picture)
);

CREATE TABLE recommend_muted (
	user VARCHAR(200) NOT NULL, 
	picture VARCHAR NOT NULL, 
	CONSTRAINT pk_recommend_muted PRIMARY KEY (user, picture)
);

CREATE TABLE copyright_findings (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source JSON NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	pdq VARCHAR(64) NOT NULL, 
	work INTEGER NOT NULL, 
	found JSON NOT NULL, 
	found_at DATETIME NOT NULL, 
	dismissed BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at DATETIME
);

CREATE TABLE copyright_seen (
	sha256 VARCHAR(64) NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_copyright_seen PRIMARY KEY (sha256)
);

CREATE TABLE copyright_dismissals (
	sha256 VARCHAR(64) NOT NULL, 
	work INTEGER NOT NULL, 
	pdq VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_copyright_dismissals PRIMARY KEY (sha256, work)
);

CREATE TABLE copyright_fetched (
	url_sha256 VARCHAR(64) NOT NULL, 
	etag VARCHAR(1000) NOT NULL, 
	modified VARCHAR(100) NOT NULL, 
	picture_sha256 VARCHAR(64) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_copyright_fetched PRIMARY KEY (url_sha256)
);

CREATE TABLE copyright_watches (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	url JSON NOT NULL, 
	every INTEGER NOT NULL, 
	added_at DATETIME NOT NULL, 
	round_at DATETIME, 
	pictures INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	problem JSON NOT NULL
);

CREATE TABLE contents (
	id INTEGER NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	generation INTEGER NOT NULL, 
	moving_until DATETIME, 
	CONSTRAINT pk_contents PRIMARY KEY (id)
);

CREATE TABLE content_writes (
	id VARCHAR(32) NOT NULL, 
	begun_at DATETIME NOT NULL, 
	CONSTRAINT pk_content_writes PRIMARY KEY (id)
);

CREATE INDEX ix_copyright_findings_dismissed ON copyright_findings (dismissed);

CREATE INDEX ix_copyright_findings_due_at ON copyright_findings (due_at);

CREATE INDEX ix_duplicate_groups_decided ON duplicate_groups (decided);

CREATE INDEX ix_failures_job_id ON failures (job_id);

CREATE INDEX ix_jobs_status ON jobs (status);

CREATE INDEX ix_queries_count ON queries (count);

CREATE INDEX ix_queries_last_at ON queries (last_at);

CREATE INDEX ix_recommend_events_picture ON recommend_events (picture);

CREATE INDEX ix_recommend_events_user ON recommend_events (user, at);

CREATE INDEX ix_recommend_popularity_weight ON recommend_popularity (weight);

CREATE INDEX ix_shop_clicks_search ON shop_clicks (search);

INSERT INTO alembic_version VALUES ('0012');

