"""Feedback, its reasons, and how often cards were shown."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the three tables."""
    op.create_table(
        "cds_feedback",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("card", sa.String(64), nullable=False),
        sa.Column("rule", sa.Integer),
        sa.Column("severity", sa.String(16)),
        sa.Column("hook", sa.String(32)),
        sa.Column("knowledge", sa.String(8)),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suggestions", sa.Integer, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("comment", sa.String(1000)),
        sa.CheckConstraint("outcome IN ('accepted', 'overridden')", name="cds_feedback_outcome"),
    )
    op.create_index("cds_feedback_card", "cds_feedback", ["card"])
    op.create_index("cds_feedback_day", "cds_feedback", ["day"])
    op.create_table(
        "cds_override_reason",
        sa.Column("digest", sa.String(64), sa.ForeignKey("cds_feedback.digest"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("system", sa.String(200), nullable=False),
        sa.Column("code", sa.String(100), nullable=False),
        sa.Column("display", sa.String(200), nullable=False),
    )
    op.create_table(
        "cds_shown",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("rule", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("severity", sa.String(16), primary_key=True),
        sa.Column("hook", sa.String(32), primary_key=True),
        sa.Column("service", sa.String(64), primary_key=True),
        sa.Column("knowledge", sa.String(8), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
