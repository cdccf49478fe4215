"""SQLAlchemy 2: reflection, the ORM with relationships, many rows with RETURNING, a pool."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from tests.system.drivers.conftest import Place


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    __table_args__ = ({"schema": "crm"},)
    id: Mapped[int] = mapped_column(primary_key=True)
    full_name: Mapped[str]
    phone: Mapped[str]
    tickets: Mapped[list[Ticket]] = relationship(back_populates="customer")


class Ticket(Base):
    __tablename__ = "tickets"
    __table_args__ = ({"schema": "service"},)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("crm.customers.id"))
    channel: Mapped[str]
    status: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    customer: Mapped[Customer] = relationship(back_populates="tickets")


def _add_ticket_of_nobody(session: Session) -> None:
    with session.begin_nested():
        session.add(Ticket(customer_id=10**9, channel="app", status="open", subject="orm bad", body=""))
        session.flush()


@pytest.fixture(params=["psycopg", "pg8000"])
def engine(place: Place, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    url = sa.URL.create(
        "postgresql+psycopg" if request.param == "psycopg" else "postgresql+pg8000",
        place.user,
        place.password,
        place.host,
        place.port,
        place.database,
    )
    arguments: dict[str, object] = (
        {"options": place.options} if request.param == "psycopg" else {"startup_params": {"options": place.options}}
    )
    made = sa.create_engine(url, connect_args=arguments, pool_size=2)
    yield made
    made.dispose()


def test_the_orm_reads_and_joins(place: Place, engine: sa.Engine) -> None:
    with Session(engine) as session:
        statement = sa.select(Customer).where(Customer.phone == place.phone).options(selectinload(Customer.tickets))
        customer = session.scalars(statement).one()
        assert customer.id == 1
        assert place.shows(customer.phone)
        assert customer.tickets
        counted = session.execute(
            sa.select(Customer.id, Customer.full_name, sa.func.count(Ticket.id))
            .join(Customer.tickets)
            .group_by(Customer.id)
            .order_by(Customer.id)
        ).all()
        assert counted[0][0] == 1


def test_the_orm_writes_many_and_rolls_back(engine: sa.Engine) -> None:
    with Session(engine) as session:
        session.add_all(
            Ticket(customer_id=2, channel="app", status="open", subject=f"orm {n}", body="正文") for n in range(30)
        )
        session.flush()
        # pg8000 gives ProgrammingError where psycopg gives IntegrityError.
        with pytest.raises(sa.exc.DBAPIError):
            _add_ticket_of_nobody(session)
        first = session.scalars(sa.select(Ticket).where(Ticket.subject == "orm 0")).one()
        first.status = "closed"
        session.flush()
        session.refresh(first)
        assert first.status == "closed"
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).where(Ticket.subject.like("orm %"))) == 0


def test_reflection_reads_the_catalogue(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert "tickets" in inspector.get_table_names(schema="service")
    columns = {column["name"]: column for column in inspector.get_columns("customers", schema="crm")}
    assert isinstance(columns["phone"]["type"], sa.VARCHAR)
    assert inspector.get_pk_constraint("customers", schema="crm")["constrained_columns"] == ["id"]
    assert inspector.get_foreign_keys("tickets", schema="service")[0]["referred_table"] == "customers"
