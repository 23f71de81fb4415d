//! Classes as people write them.

use insta::assert_snapshot;
use service::schema::shape::Table;

use super::*;

fn read_of(files: &[(&str, &str)]) -> Source {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(read(folder.path())).unwrap()
}

fn shown(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| {
        let null = if column.nullable { ", or NULL" } else { "" };
        let default = column.default.as_ref().map(|default| format!(" = {default}"));
        format!("{}: {}{null}{}\n", column.name, column.family, default.unwrap_or_default())
    });
    let indexes = table.indexes.iter().map(|index| {
        let unique = if index.unique { "unique " } else { "" };
        format!("{unique}index {}\n", index.columns.join(", "))
    });
    let references = table
        .references
        .iter()
        .map(|reference| format!("{} -> {}\n", reference.columns.join(", "), reference.table));
    let key = format!("key {}\n", table.key.join(", "));
    columns.chain([key]).chain(indexes).chain(references).collect()
}

const SQLMODEL: &str = r#"
from sqlmodel import JSON, Column, Field, Relationship, SQLModel

class Level(StrEnum):
    """Two."""
    LOW = "low"
    HIGH = "high"
    _ignore_ = []

def _json(**rest):
    """A JSON column."""
    return Column(JSON, **rest)

class Dated(SQLModel):
    created_at: datetime = Field(default_factory=now)

class Item(Dated, table=True):
    __tablename__ = "items"
    __table_args__ = (Index("by_owner", "owner", "level", unique=True), {"extend_existing": True})

    id: str = Field(default_factory=lambda: new_id(), primary_key=True)
    owner: str = Field(max_length=20, index=True)
    code: str = Field(unique=True)
    level: "Level" = Level.LOW
    other: Optional[Level] = None
    amount: float | None = Field(default=None, ge=0)
    state: str = Field(default="new", sa_column_kwargs={"server_default": "new"})
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    more: Any = Field(default=None, sa_column=_json())
    sure: Any = Field(default=None, sa_column=_json(nullable=False))
    box_id: int | None = Field(default=None, foreign_key="boxes.id")
    box: "Box" = Relationship(back_populates="items")
    kind: ClassVar[str] = "x"

class Box(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"#;

#[test]
fn classes_of_sqlmodel_are_tables() {
    let source = read_of(&[("app/domain.py", SQLMODEL)]);
    assert_eq!(source.notes, Vec::<String>::new());
    assert_eq!(source.places["items"], "app/domain.py:17");
    assert_snapshot!(shown(&source.schema.tables["items"]), @r"
    created_at: a timestamp without time zone
    id: text
    owner: text of up to 20 characters
    code: text
    level: one of LOW, HIGH
    other: one of LOW, HIGH, or NULL
    amount: a float of 64 bits, or NULL
    state: text = new
    data: JSON
    more: JSON, or NULL
    sure: JSON
    box_id: an integer of 32 bits, or NULL
    key id
    index owner
    unique index code
    unique index owner, level
    box_id -> boxes
    ");
    assert_snapshot!(shown(&source.schema.tables["box"]), @r"
    id: an integer of 32 bits = an identity
    key id
    ");
}

#[test]
fn classes_of_sqlalchemy_are_tables() {
    let source = read_of(&[
        ("base.py", "class Status(Enum):\n    OPEN = 1\n"),
        (
            "models.py",
            "class Job(Base):\n    __tablename__ = 'job'\n    id = Column(String(36), primary_key=True)\n    \
             state = Column(sa.Enum(Status), nullable=False)\n    at = Column(DateTime(timezone=True))\n    \
             kind = Column('type', Enum('A', 'B', name='kind'))\n    size: Mapped[int] = mapped_column(BigInteger, server_default=text('0'))\n    \
             note: Mapped[str | None]\n    box_id = Column(ForeignKey('boxes.id'), index=True)\n    \
             boxes = relationship('Box')\n    LIMIT = 3\n",
        ),
    ]);
    assert_snapshot!(shown(&source.schema.tables["job"]), @r"
    id: text of up to 36 characters
    state: one of OPEN
    at: a timestamp with time zone, or NULL
    type: one of A, B, or NULL
    size: an integer of 64 bits = 0
    note: text, or NULL
    box_id: something else, or NULL
    key id
    index box_id
    box_id -> boxes
    ");
}

#[test]
fn a_mistake_is_noted_with_its_place_and_the_rest_is_read() {
    let source = read_of(&[
        (
            "broken.py",
            "class A(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n\ndef (:\n",
        ),
        ("venv/lib.py", "class V(SQLModel, table=True):\n    id: int\n"),
        ("other.py", "class A(SQLModel, table=True):\n    id: str\n"),
    ]);
    assert_eq!(source.files, 2);
    assert_eq!(source.schema.tables.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(source.notes.len(), 2, "{:?}", source.notes);
    assert!(source.notes[0].starts_with("broken.py:4: "), "{:?}", source.notes);
    assert_eq!(source.notes[1], "other.py:1: the table a is declared at broken.py:1 already");
}
